"""Cases of the reductions: one axis, several, all, counted from either end, kept or dropped."""

from recorder.operators.case import Case, fixed, normal

_AXES: list[tuple[str, list[int]]] = [
    ("middle axis", [1]),
    ("last axis", [-1]),
    ("outer axes", [0, 2]),
    ("negative axes", [-2, -1]),
    ("all axes", [0, 1, 2]),
]


def _reduction(op: str) -> list[Case]:
    return [
        Case(op, f"{name}, {'kept' if keepdims else 'dropped'}", [normal(2, 3, 4)], {"axes": axes, "keepdims": keepdims})
        for name, axes in _AXES
        for keepdims in (0, 1)
    ]


_LAST_AXIS = {"axes": [-1], "keepdims": 1}
_TIES = [fixed([[2.0, 2.0, 1.0], [0.0, 1.0, 3.0], [-1.0, -1.0, -1.0]])]

CASES: list[Case] = [
    *_reduction("ReduceSum"),
    *_reduction("ReduceMean"),
    *_reduction("ReduceMax"),
    Case("ReduceMax", "ties", _TIES, _LAST_AXIS, smooth=False),
    *_reduction("ReduceMin"),
    Case("ReduceMin", "ties", _TIES, _LAST_AXIS, smooth=False),
    *_reduction("ReduceSumSquare"),
    *_reduction("ReduceLogSumExp"),
    Case("ReduceLogSumExp", "large values", [fixed([[1000.0, 999.0, 998.5], [-1000.0, -1001.0, -1000.25]])], _LAST_AXIS),
    *_reduction("ReduceL2"),
    *[
        Case("CumSum", f"{name}{', exclusive' if exclusive else ''}{', reverse' if reverse else ''}", [normal(2, 3, 2)],
             {"axis": axis, "exclusive": exclusive, "reverse": reverse})
        for name, axis in [("middle axis", 1), ("last axis", -1)]
        for exclusive in (0, 1)
        for reverse in (0, 1)
    ],
    Case("ReduceL2", "zero vector", [fixed([[0.0, 0.0, 0.0], [1.0, -2.0, 2.0]])], _LAST_AXIS, smooth=False),
]
