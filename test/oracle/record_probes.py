"""probes.json: what SciPy, scikit-learn and sacrebleu compute of numbers and texts that the probes' metrics and statistics are held against.

    python3 -m venv ~/probe-oracle && ~/probe-oracle/bin/pip install scipy==1.17.1 scikit-learn==1.9.1 sacrebleu==2.6.0
    ~/probe-oracle/bin/python test/oracle/record_probes.py
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy
from sacrebleu.metrics import BLEU, CHRF
from scipy import stats
from sklearn.metrics import f1_score, ndcg_score

_RANDOM = numpy.random.default_rng(7)


def _correlations() -> list[dict[str, Any]]:
    cases = []
    for size, levels in ((5, None), (40, None), (200, 6), (200, 3)):
        a = _RANDOM.normal(size=size)
        b = 0.5 * a + _RANDOM.normal(size=size)
        # Scores that people give are few, so that most of them are tied.
        b = b.round(4) if levels is None else numpy.clip(numpy.round(b + levels / 2), 0, levels)
        a = a.round(4)
        boot = {
            name: stats.bootstrap(
                (a, b),
                lambda x, y, of=of: of(x, y).statistic,
                paired=True,
                vectorized=False,
                n_resamples=4000,
                method="percentile",
                random_state=numpy.random.default_rng(1),
            ).confidence_interval
            for name, of in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr))
            if size >= 40
        }
        cases.append(
            {
                "a": a.tolist(),
                "b": b.tolist(),
                "ranks": stats.rankdata(b).tolist(),
                "pearson": stats.pearsonr(a, b).statistic,
                "spearman": stats.spearmanr(a, b).statistic,
                "intervals": {name: [float(i.low), float(i.high)] for name, i in boot.items()},
            }
        )
    return cases


def _means() -> list[dict[str, Any]]:
    """Bootstrap and Student's interval of a mean."""
    cases = []
    for size in (2, 3, 4, 5, 10, 61):
        values = (2 + _RANDOM.gamma(2.0, size=size)).round(4)
        low, high = stats.t.interval(0.95, size - 1, loc=values.mean(), scale=stats.sem(values))
        case = {"values": values.tolist(), "t": [float(low), float(high)]}
        if size > 50:
            found = stats.bootstrap(
                (values,), numpy.mean, n_resamples=20000, method="percentile", random_state=numpy.random.default_rng(1)
            ).confidence_interval
            case["bootstrap"] = [float(found.low), float(found.high)]
        cases.append(case)
    return cases


def _paired() -> list[dict[str, Any]]:
    cases = []
    for size, shift in ((2, 1.0), (3, 0.5), (5, 0.0), (5, 3.0), (8, 0.7), (12, 0.4), (16, 0.1), (40, 0.3)):
        a = (_RANDOM.normal(size=size) + shift).round(2)
        b = _RANDOM.normal(size=size).round(2)
        exact = size <= 16
        permuted = stats.permutation_test(
            (a, b),
            lambda x, y: numpy.mean(x - y),
            permutation_type="samples",
            vectorized=False,
            n_resamples=numpy.inf if exact else 20000,
            random_state=numpy.random.default_rng(1),
        )
        tested = stats.ttest_rel(a, b)
        cases.append(
            {
                "differences": (a - b).tolist(),
                "t": tested.statistic,
                "tP": tested.pvalue,
                "permutationP": permuted.pvalue,
                "exact": exact,
            }
        )
    return cases


def _macro_f1() -> list[dict[str, Any]]:
    cases = []
    for size, classes, told in ((30, 2, 2), (60, 5, 5), (60, 5, 3), (20, 3, 6)):
        truth, guess = _RANDOM.integers(0, classes, size), _RANDOM.integers(0, told, size)
        guess = numpy.where(_RANDOM.random(size) < 0.5, truth, guess)
        cases.append(
            {
                "truth": truth.tolist(),
                "told": guess.tolist(),
                "macroF1": f1_score(truth, guess, average="macro", zero_division=0),
                "accuracy": float((truth == guess).mean()),
            }
        )
    return cases


def _ndcg() -> list[dict[str, Any]]:
    """Scores without ties: scikit-learn takes the mean over the orders of tied documents, and the lab the worst."""
    cases = []
    for size, relevant, most in ((5, 1, 1), (12, 3, 1), (30, 12, 3), (30, 4, 4)):
        gains = numpy.zeros(size)
        gains[_RANDOM.permutation(size)[:relevant]] = _RANDOM.integers(1, most + 1, relevant)
        scores = _RANDOM.permutation(size) / size
        cases.append(
            {"gains": gains.tolist(), "scores": scores.tolist(), "ndcg": ndcg_score([gains], [scores], k=10)}
        )
    return cases


_TEXTS = [
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("the cat sat on mat", "The cat sat on the mat."),
    ("It costs 1,234.50 dollars, i.e. 12-15% more.", "It costs $1,234.50, i.e. 12-15 % more."),
    ("\u201cQuoted\u201d text \u2014 with dashes\u2026", "\"Quoted\" text - with dashes..."),
    ("Der Hund l\u00e4uft \u00fcber die Stra\u00dfe.", "Der Hund rennt \u00fcber die Strasse!"),
    ("\u732b\u304c\u30de\u30c3\u30c8\u306e\u4e0a\u306b\u5ea7\u3063\u305f\u3002", "\u732b\u306f\u30de\u30c3\u30c8\u306b\u5ea7\u3063\u3066\u3044\u307e\u3059\u3002"),
    ("\U0001f600\U0001f600 emoji \U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f600 emoji \U0001f468\u200d\U0001f469\u200d\U0001f466"),
    ("", "Nothing was written here at all."),
    ("Yes.", "No."),
    ("a", "a"),
    ("ab", "abc"),
    ("Type 'string[]' is not assignable to type '{ a: number; }'.", "Type 'string' is not assignable to type '{ a: number }'."),
    ("AT&amp;T &lt;b&gt; &quot;x&quot; <skipped>end", "AT&T <b> \"x\" end"),
    ("two\u00a0words\u2003and\ttabs \x1f sep", "two words and tabs sep"),
    ("hyphen-\nated line\nbreak ", "hyphenated line break"),
    ("3.14 .5 5. 1,000 ,x x, 7-8 -9 a.b,c.d", "3.14 .5 5 . 1,000 , x x , 7 - 8 - 9 a . b , c . d"),
    ("~!@#$%^&*()_+{}|:<>?`[]\\;',./", "~ ! @ # $ % ^ & * ( ) _ + { } | : < > ? ` [ ] \\ ; ' , . /"),
    ("the the the the the the", "the cat"),
    ("A long hypothesis that goes on and on far beyond what was asked for in the reference.", "A short one."),
    ("Zweiundvierzig", "Zweiundvierzig"),
    ("\ufeffmark of order\ufeff", "mark of order"),
    ("ends with a dash -\n", "ends with a dash -"),
    ("na\u0131ve caf\u00e9 cafe\u0301", "na\u00efve caf\u00e9 caf\u00e9"),
]


def _texts() -> list[dict[str, Any]]:
    corpora = [_TEXTS, _TEXTS[:3], _TEXTS[3:7], *([pair] for pair in _TEXTS)]
    words = "the a sea whale ship of and to in Ahab , . 3.5 \u00e9 white".split()
    for size in (10, 40):
        generated = []
        for _ in range(size):
            target = [words[i] for i in _RANDOM.integers(0, len(words), _RANDOM.integers(1, 18))]
            source = [w if _RANDOM.random() < 0.7 else words[_RANDOM.integers(0, len(words))] for w in target if _RANDOM.random() < 0.9]
            generated.append((" ".join(source), " ".join(target)))
        corpora.append(generated)
    cases = []
    for corpus in corpora:
        written, wanted = [list(side) for side in zip(*corpus, strict=True)]
        cases.append(
            {
                "hypotheses": written,
                "references": wanted,
                "bleu": BLEU().corpus_score(written, [wanted]).score,
                "chrf": CHRF().corpus_score(written, [wanted]).score,
            }
        )
    return cases


def main() -> None:
    found = {
        "recordedWith": {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "sacrebleu")},
        "correlations": _correlations(),
        "means": _means(),
        "paired": _paired(),
        "macroF1": _macro_f1(),
        "ndcg": _ndcg(),
        "texts": _texts(),
    }
    path = Path(__file__).resolve().parent / "probes.json"
    path.write_text(json.dumps(found, separators=(",", ":"), allow_nan=False) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
