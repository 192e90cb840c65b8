"""Cases of softmax, the normalisations and the cross-entropy."""

from recorder.operators.case import Case, fixed, indices, normal, positive

_LARGE_LOGITS = [fixed([[1000.0, 999.0, 998.5], [-1000.0, -1001.0, -1000.25]])]
_NORMALISED_SHAPES = {"matrix": (3, 5), "batch of sequences": (2, 3, 4)}

CASES: list[Case] = [
    *[
        case
        for op in ("Softmax", "LogSoftmax")
        for case in (
            *[Case(op, f"axis {axis}", [normal(2, 3, 4, scale=2.0)], {"axis": axis}) for axis in (-1, 0, 1, -2)],
            Case(op, "large logits", _LARGE_LOGITS, {"axis": -1}),
        )
    ],
    *[
        Case("LayerNormalization", f"{name}, epsilon {epsilon}", [normal(*shape), positive(shape[-1]), normal(shape[-1])],
             {"axis": -1, "epsilon": epsilon})
        for name, shape in _NORMALISED_SHAPES.items()
        for epsilon in (1e-12, 1e-2)
    ],
    *[
        Case("RMSNormalization", f"{name}, epsilon {epsilon}", [normal(*shape), positive(shape[-1])], {"axis": -1, "epsilon": epsilon})
        for name, shape in _NORMALISED_SHAPES.items()
        for epsilon in (1e-12, 1e-2)
    ],
    *[Case("L2Normalize", f"axis {axis}", [normal(2, 3, 4)], {"axis": axis, "epsilon": 1e-12}) for axis in (-1, 0, 1)],
    Case("L2Normalize", "shorter than epsilon", [fixed([[0.03, 0.04], [3.0, 4.0], [0.0, 0.0]])], {"axis": -1, "epsilon": 0.1}),
    Case("CrossEntropy", "three rows", [normal(3, 5, scale=2.0), indices([4, 0, 2])]),
    Case("CrossEntropy", "repeated labels", [normal(4, 6, scale=2.0), indices([1, 1, 5, 1])]),
    Case("CrossEntropy", "large logits", [*_LARGE_LOGITS, indices([2, 1])]),
]
