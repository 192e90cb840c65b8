"""linear-head.json: what scikit-learn's LogisticRegression makes of features that the linear head of the probes is held against.

    ~/probe-oracle/bin/python test/oracle/record_linear.py
"""

import json
from pathlib import Path

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

random = numpy.random.default_rng(3)


def case(classes: int, size: int, examples: int, strength: float) -> dict[str, object]:
    centres = 0.6 * random.normal(size=(classes, size))
    labels = random.integers(classes, size=2 * examples)
    features = (centres[labels] + random.normal(size=(2 * examples, size))).round(3)
    train, test = features[:examples], features[examples:]
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(scaler.transform(train), labels[:examples])
    return {
        "classes": classes,
        "strength": strength,
        "features": features.tolist(),
        "labels": labels.tolist(),
        "loss": log_loss(labels[:examples], model.predict_proba(scaler.transform(train))),
        "accuracy": model.score(scaler.transform(test), labels[examples:]),
    }


cases = [case(3, 8, 90, 0.1), case(4, 12, 80, 1.0)]
Path(__file__).with_name("linear-head.json").write_text(json.dumps(cases) + "\n")
