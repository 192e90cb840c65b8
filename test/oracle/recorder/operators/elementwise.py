"""Cases of the operators that work element by element, broadcasting included."""

from collections.abc import Callable

from recorder.operators.case import Case, Draw, booleans, fixed, nonzero, normal, positive

_BROADCASTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "same shape": ((2, 3), (2, 3)),
    "row broadcast": ((2, 3), (3,)),
    "row broadcast on the left": ((3,), (2, 3)),
    "column broadcast": ((2, 3), (2, 1)),
    "both broadcast": ((4, 1, 3), (2, 1)),
    "scalar": ((2, 3), ()),
    "scalar on the left": ((), (2, 3)),
}


def _binary(op: str, left: Callable[..., Draw], right: Callable[..., Draw], **attributes: int) -> list[Case]:
    return [Case(op, name, [left(*shapes[0]), right(*shapes[1])], attributes) for name, shapes in _BROADCASTS.items()]


def _unary(op: str, draw: Callable[..., Draw]) -> list[Case]:
    return [Case(op, "matrix", [draw(3, 4)]), Case(op, "scalar", [draw()])]


_TIES = [fixed([[1.0, 2.0, -1.0], [0.0, 3.0, 0.5]]), fixed([[1.0, 1.5, -1.0], [0.0, 4.0, 0.5]])]
_AT_ZERO = [fixed([-1.5, 0.0, 2.0])]
_LARGE = [fixed([-100.0, -30.0, 0.0, 30.0, 100.0])]

CASES: list[Case] = [
    *_binary("Add", normal, normal),
    *_binary("Sub", normal, normal),
    *_binary("Mul", normal, normal),
    *_binary("Div", normal, nonzero),
    *_binary("Pow", positive, normal),
    Case("Pow", "negative base, whole exponents", [nonzero(2, 3), fixed([2.0, 3.0, -1.0])], constants=frozenset({1})),
    Case("Pow", "zero base", [fixed([0.0, 0.0, 0.0, 2.0]), fixed([0.0, 1.0, 2.0, 0.0])], smooth=False),
    *_binary("Mod", normal, nonzero, fmod=1),
    *_binary("Max", normal, normal),
    Case("Max", "ties", _TIES, smooth=False),
    *_binary("Min", normal, normal),
    Case("Min", "ties", _TIES, smooth=False),
    *_unary("Neg", normal),
    *_unary("Exp", normal),
    *_unary("Log", positive),
    *_unary("Sqrt", positive),
    *_unary("Reciprocal", nonzero),
    *_unary("Abs", nonzero),
    Case("Abs", "at zero", _AT_ZERO, smooth=False),
    *_unary("Erf", normal),
    *_unary("Sin", normal),
    *_unary("Cos", normal),
    *_unary("Tanh", normal),
    *_unary("Sigmoid", normal),
    Case("Sigmoid", "large magnitudes", _LARGE),
    *_unary("Softplus", normal),
    Case("Softplus", "large magnitudes", _LARGE),
    *_unary("Relu", nonzero),
    Case("Relu", "at zero", _AT_ZERO, smooth=False),
    *_unary("Sign", nonzero),
    *_unary("Identity", normal),
    *[
        Case("Gelu", f"{name}, {approximate}", [draw], {"approximate": approximate})
        for approximate in ("none", "tanh")
        for name, draw in {"matrix": normal(3, 4, scale=1.5), "tails": fixed([-8.0, -4.0, -0.7, 0.0, 4.0, 8.0])}.items()
    ],
    Case("Clip", "both bounds", [normal(3, 4)], {"min": -0.5, "max": 0.75}),
    Case("Clip", "ties", [fixed([-1.0, -0.5, 0.0, 0.75, 1.0])], {"min": -0.5, "max": 0.75}, smooth=False),
    Case("Where", "same shape", [booleans([[True, False, True], [False, False, True]]), normal(2, 3), normal(2, 3)]),
    Case("Where", "condition broadcast", [booleans([True, False, True]), normal(2, 3), normal(2, 3)]),
    Case("Where", "branches broadcast", [booleans([[True, False, True], [False, False, True]]), normal(3), normal(2, 1)]),
    Case("Where", "scalar branch", [booleans([[True, False, True], [False, False, True]]), normal(2, 3), normal()]),
    Case("Where", "all broadcast", [booleans([[True], [False]]), normal(3, 1, 1), normal(4)]),
]
