"""Cases of the matrix products."""

from recorder.operators.case import Case, normal

_PRODUCTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "matrices": ((2, 3), (3, 4)),
    "batched": ((2, 2, 3), (2, 3, 4)),
    "two batch axes": ((2, 2, 2, 3), (2, 2, 3, 2)),
    "matrix on the right of a batch": ((2, 3, 2), (2, 4)),
    "matrix on the left of a batch": ((3, 2), (2, 2, 4)),
    "batch axis of one on the left": ((1, 2, 3), (3, 3, 2)),
    "batch axes broadcast both ways": ((2, 1, 2, 3), (3, 3, 2)),
    "vector by vector": ((4,), (4,)),
    "vector by matrix": ((3,), (3, 4)),
    "matrix by vector": ((3, 4), (4,)),
    "batch by vector": ((2, 3, 4), (4,)),
    "vector by batch": ((3,), (2, 3, 4)),
}
_M, _K, _N = 3, 4, 2
_BIASES: dict[str, tuple[int, ...]] = {"C of [M,N]": (_M, _N), "C of [N]": (_N,), "C of [1,N]": (1, _N), "C of [M,1]": (_M, 1)}
_TRANSPOSITIONS = [(transposed_a, transposed_b) for transposed_a in (0, 1) for transposed_b in (0, 1)]


def _operands(batch_a: tuple[int, ...], batch_b: tuple[int, ...], transposed_a: int, transposed_b: int) -> list[tuple[int, ...]]:
    return [(*batch_a, *((_K, _M) if transposed_a else (_M, _K))), (*batch_b, *((_N, _K) if transposed_b else (_K, _N)))]


def _name(transposed_a: int, transposed_b: int) -> str:
    return f"{'A transposed' if transposed_a else 'A'}, {'B transposed' if transposed_b else 'B'}"


def _rows_first(shape: tuple[int, ...], first: int) -> tuple[int, ...]:
    return (shape[-2], *shape[:-2], shape[-1]) if first else shape


CASES: list[Case] = [
    *[Case("MatMul", name, [normal(*left), normal(*right)]) for name, (left, right) in _PRODUCTS.items()],
    *[
        Case("Gemm", f"{_name(ta, tb)}, {bias}", [*[normal(*shape) for shape in _operands((), (), ta, tb)], normal(*bias_shape)],
             {"alpha": alpha, "beta": beta, "transA": ta, "transB": tb})
        for ta, tb in _TRANSPOSITIONS
        for (bias, bias_shape), (alpha, beta) in zip(_BIASES.items(), [(1.0, 1.0), (0.5, 2.0), (1.0, -1.5), (-2.0, 1.0)], strict=True)
    ],
    *[
        Case("Gemm", f"{_name(ta, tb)}, no C", [normal(*shape) for shape in _operands((), (), ta, tb)],
             {"alpha": 0.5, "beta": 1.0, "transA": ta, "transB": tb})
        for ta, tb in _TRANSPOSITIONS
    ],
    *[
        Case("FusedMatMul", f"{_name(ta, tb)}, {name}", [normal(*shape) for shape in _operands(batch_a, batch_b, ta, tb)],
             {"transA": ta, "transB": tb, "alpha": alpha})
        for ta, tb in _TRANSPOSITIONS
        for name, batch_a, batch_b, alpha in [
            ("matrices", (), (), 1.0),
            ("batched", (2,), (2,), 0.25),
            ("two batch axes", (2, 2), (2, 2), 0.5),
            ("batch broadcast", (2,), (1,), -1.0),
        ]
    ],
    *[
        Case("FusedMatMul", f"{_name(ta, tb)}, rows first{' on the left' if ba else ''}{' on the right' if bb else ''}",
             [normal(*_rows_first(shape, first)) for shape, first in zip(_operands((2, 3), (2, 3), ta, tb), (ba, bb), strict=True)],
             {"transA": ta, "transB": tb, "alpha": 0.5, "transBatchA": ba, "transBatchB": bb})
        for ta, tb in _TRANSPOSITIONS
        for ba, bb in [(1, 0), (0, 1), (1, 1)]
    ],
]
