"""Each operator as a differentiable PyTorch expression of its inputs and ONNX attributes (opset 20)."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Attributes = dict[str, Any]
Expression = Callable[[list[Tensor], Attributes], Tensor | list[Tensor]]


def _unary(function: Callable[[Tensor], Tensor]) -> Expression:
    return lambda inputs, _: function(inputs[0])


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Expression:
    return lambda inputs, _: function(inputs[0], inputs[1])


def _reduction(function: Callable[..., Tensor]) -> Expression:
    return lambda inputs, a: function(inputs[0], dim=tuple(a["axes"]), keepdim=bool(a["keepdims"]))


def _sum_square(x: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    return x.square().sum(dim=dim, keepdim=keepdim)


def _gemm(inputs: list[Tensor], a: Attributes) -> Tensor:
    left, right = inputs[0], inputs[1]
    product = a["alpha"] * (left.T if a["transA"] else left) @ (right.T if a["transB"] else right)
    return product + a["beta"] * inputs[2] if len(inputs) > 2 else product


def _cumsum(inputs: list[Tensor], a: Attributes) -> Tensor:
    x = inputs[0].flip(a["axis"]) if a["reverse"] else inputs[0]
    sums = x.cumsum(a["axis"]) - (x if a["exclusive"] else 0)
    return sums.flip(a["axis"]) if a["reverse"] else sums


def _fused_matmul(inputs: list[Tensor], a: Attributes) -> Tensor:
    # Rows that are the first axis of all go to where a matrix has them.
    left, right = (x.movedim(0, -2) if a.get(key) else x for x, key in zip(inputs, ["transBatchA", "transBatchB"], strict=True))
    return a["alpha"] * torch.matmul(left.mT if a["transA"] else left, right.mT if a["transB"] else right)


def _gather(inputs: list[Tensor], a: Attributes) -> Tensor:
    data, index = inputs
    axis = a["axis"] % data.ndim
    size = data.shape[axis]
    taken = data.index_select(axis, index.flatten() % size)
    return taken.reshape(*data.shape[:axis], *index.shape, *data.shape[axis + 1 :])


def _index_tuple(index: Tensor) -> tuple[Tensor, ...]:
    return tuple(index.unbind(-1))


def _scatter_nd(inputs: list[Tensor], a: Attributes) -> Tensor:
    data, index, updates = inputs
    return data.index_put(_index_tuple(index), updates, accumulate=a["reduction"] == "add")


def _scatter_elements(inputs: list[Tensor], a: Attributes) -> Tensor:
    data, index, updates = inputs
    return data.scatter_add(a["axis"], index, updates) if a["reduction"] == "add" else data.scatter(a["axis"], index, updates)


def _slice(inputs: list[Tensor], a: Attributes) -> Tensor:
    # By index, since PyTorch's own slices cannot step backwards.
    x = inputs[0]
    for start, end, axis, step in zip(a["starts"], a["ends"], a["axes"], a["steps"], strict=True):
        kept = range(x.shape[axis])[slice(start, end, step)]
        x = x.index_select(axis, torch.tensor(list(kept), dtype=torch.int64))
    return x


def _pad(inputs: list[Tensor], a: Attributes) -> Tensor:
    x = inputs[0]
    begins, ends = a["pads"][: x.ndim], a["pads"][x.ndim :]
    # PyTorch lists (begin, end) pairs from the last axis to the first.
    pairs = [size for axis in reversed(range(x.ndim)) for size in (begins[axis], ends[axis])]
    return F.pad(x, pairs, mode="constant", value=a["value"])


def _reshape(inputs: list[Tensor], a: Attributes) -> Tensor:
    x = inputs[0]
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(a["shape"])])


def _unsqueeze(inputs: list[Tensor], a: Attributes) -> Tensor:
    x = inputs[0]
    for axis in sorted(axis % (inputs[0].ndim + len(a["axes"])) for axis in a["axes"]):
        x = x.unsqueeze(axis)
    return x


EXPRESSIONS: dict[str, Expression] = {
    "Add": _binary(torch.add),
    "Sub": _binary(torch.sub),
    "Mul": _binary(torch.mul),
    "Div": _binary(torch.div),
    "Pow": _binary(torch.pow),
    "Mod": _binary(torch.fmod),
    "Max": _binary(torch.maximum),
    "Min": _binary(torch.minimum),
    "Neg": _unary(torch.neg),
    "Exp": _unary(torch.exp),
    "Log": _unary(torch.log),
    "Sqrt": _unary(torch.sqrt),
    "Reciprocal": _unary(torch.reciprocal),
    "Abs": _unary(torch.abs),
    "Erf": _unary(torch.erf),
    "Sin": _unary(torch.sin),
    "Cos": _unary(torch.cos),
    "Tanh": _unary(torch.tanh),
    "Sigmoid": _unary(torch.sigmoid),
    # Not F.softplus, which turns linear above 20.
    "Softplus": _unary(lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "Relu": _unary(torch.relu),
    "Sign": _unary(torch.sign),
    "Identity": _unary(torch.clone),
    "Gelu": lambda inputs, a: F.gelu(inputs[0], approximate=a["approximate"]),
    "Clip": lambda inputs, a: torch.clamp(inputs[0], a["min"], a["max"]),
    "Where": lambda inputs, _: torch.where(*inputs),
    "ReduceSum": _reduction(torch.sum),
    "ReduceMean": _reduction(torch.mean),
    "ReduceMax": _reduction(torch.amax),
    "ReduceMin": _reduction(torch.amin),
    "ReduceSumSquare": _reduction(_sum_square),
    "ReduceLogSumExp": _reduction(torch.logsumexp),
    "ReduceL2": _reduction(torch.linalg.vector_norm),
    "CumSum": _cumsum,
    "Softmax": lambda inputs, a: F.softmax(inputs[0], a["axis"]),
    "LogSoftmax": lambda inputs, a: F.log_softmax(inputs[0], a["axis"]),
    "LayerNormalization": lambda inputs, a: F.layer_norm(inputs[0], inputs[1].shape, inputs[1], inputs[2], a["epsilon"]),
    "RMSNormalization": lambda inputs, a: F.rms_norm(inputs[0], inputs[1].shape, inputs[1], a["epsilon"]),
    "L2Normalize": lambda inputs, a: F.normalize(inputs[0], dim=a["axis"], eps=a["epsilon"]),
    "CrossEntropy": lambda inputs, _: F.cross_entropy(inputs[0], inputs[1], reduction="none"),
    "MatMul": _binary(torch.matmul),
    "Gemm": _gemm,
    "FusedMatMul": _fused_matmul,
    "Gather": _gather,
    "GatherElements": lambda inputs, a: torch.gather(inputs[0], a["axis"], inputs[1]),
    "GatherND": lambda inputs, _: inputs[0][_index_tuple(inputs[1])],
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
    "Slice": _slice,
    "Split": lambda inputs, a: torch.split(inputs[0], a["split"], a["axis"]),
    "Concat": lambda inputs, a: torch.cat(inputs, a["axis"]),
    "Pad": _pad,
    "Transpose": lambda inputs, a: inputs[0].permute(a["perm"]),
    "Reshape": _reshape,
    "Expand": lambda inputs, a: inputs[0].expand(torch.broadcast_shapes(inputs[0].shape, a["shape"])),
    "Squeeze": lambda inputs, a: inputs[0].squeeze(tuple(a["axes"])),
    "Unsqueeze": _unsqueeze,
}
