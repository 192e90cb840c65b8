"""The same cases through ONNX's own reference evaluator, so that an expression cannot misread the standard."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from recorder.operators.case import Case

# What the recording calls an attribute and ONNX takes as a further input, in ONNX's order.
_REDUCTIONS = ["Sum", "Mean", "Max", "Min", "SumSquare", "LogSumExp", "L2"]
_AS_INPUTS: dict[str, list[str]] = {
    **{f"Reduce{kind}": ["axes"] for kind in _REDUCTIONS},
    "Clip": ["min", "max"],
    "CumSum": ["axis"],
    "Slice": ["starts", "ends", "axes", "steps"],
    "Split": ["split"],
    "Pad": ["pads", "value"],
    "Reshape": ["shape"],
    "Expand": ["shape"],
    "Squeeze": ["axes"],
    "Unsqueeze": ["axes"],
}
_FLOAT_INPUTS = {"min", "max", "value"}
# RMSNormalization came with opset 23; everything else is held to the opset that the project writes.
_OPSETS = {"RMSNormalization": 23}
_OPSET = 20
# The evaluator works out a part of these in float32, whatever the inputs are.
_SINGLE_PRECISION = {"Erf", "Gelu", "LayerNormalization", "RMSNormalization"}


def assert_forward_matches(case: Case, inputs: list[Tensor], outputs: tuple[Tensor, ...]) -> None:
    """Raises an AssertionError that names the case when PyTorch and ONNX disagree on the outputs."""
    names = [f"input{index}" for index in range(len(inputs))]
    results = [f"output{index}" for index in range(len(outputs))]
    nodes, constants = _nodes(case, inputs, names, results)
    graph = helper.make_graph(
        nodes,
        "case",
        [_value_info(name, tensor) for name, tensor in zip(names, inputs, strict=True)],
        [_value_info(name, tensor) for name, tensor in zip(results, outputs, strict=True)],
        constants,
    )
    opset = helper.make_opsetid("", _OPSETS.get(case.op, _OPSET))
    model = helper.make_model(graph, opset_imports=[opset])
    onnx.checker.check_model(model, full_check=True)
    feeds = {name: tensor.detach().numpy() for name, tensor in zip(names, inputs, strict=True)}
    expected = ReferenceEvaluator(model).run(None, feeds)
    for output, reference in zip(outputs, expected, strict=True):
        message = f"{case.op}: {case.name}"
        assert tuple(output.shape) == np.shape(reference), f"{message}: shape {tuple(output.shape)}, ONNX says {np.shape(reference)}"
        rtol, atol = (1e-5, 1e-6) if case.op in _SINGLE_PRECISION else (1e-10, 1e-12)
        np.testing.assert_allclose(output.detach().numpy(), reference, rtol=rtol, atol=atol, err_msg=message)


def _nodes(case: Case, inputs: list[Tensor], names: list[str], results: list[str]) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    a = case.attributes
    if case.op == "CrossEntropy":
        return [helper.make_node("SoftmaxCrossEntropyLoss", names, results, reduction="none")], []
    if case.op == "L2Normalize":
        # Not LpNormalization, which has no epsilon.
        nodes = [
            helper.make_node("ReduceL2", [*names, "axes"], ["norm"]),
            helper.make_node("Max", ["norm", "epsilon"], ["length"]),
            helper.make_node("Div", [*names, "length"], results),
        ]
        return nodes, [numpy_helper.from_array(np.array([a["axis"]]), "axes"), numpy_helper.from_array(np.array(a["epsilon"]), "epsilon")]
    if case.op == "FusedMatMul":
        return _fused_matmul(case, inputs, names, results)
    moved = [name for name in _AS_INPUTS.get(case.op, []) if name in a]
    constants = [numpy_helper.from_array(np.array(a[name], np.float64 if name in _FLOAT_INPUTS else np.int64), name) for name in moved]
    kept = {name: value for name, value in a.items() if name not in moved}
    if case.op == "GatherElements":
        # The evaluator takes no negative axis here, though the standard does.
        kept["axis"] = a["axis"] % inputs[0].ndim
    return [helper.make_node(case.op, [*names, *moved], results, **kept)], constants


def _fused_matmul(case: Case, inputs: list[Tensor], names: list[str], results: list[str]) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    nodes = []
    operands = []
    for name, tensor, side in zip(names, inputs, "AB", strict=True):
        perm = list(range(tensor.ndim))
        if case.attributes.get(f"transBatch{side}"):
            perm = [*perm[1:-1], 0, perm[-1]]
        if case.attributes[f"trans{side}"]:
            perm[-2:] = reversed(perm[-2:])
        nodes.append(helper.make_node("Transpose", [name], [f"{name}.operand"], perm=perm))
        operands.append(f"{name}.operand")
    nodes.append(helper.make_node("MatMul", operands, ["product"]))
    nodes.append(helper.make_node("Mul", ["product", "alpha"], results))
    return nodes, [numpy_helper.from_array(np.array(case.attributes["alpha"], np.float64), "alpha")]


def _value_info(name: str, tensor: Tensor) -> onnx.ValueInfoProto:
    types = {torch.float64: TensorProto.DOUBLE, torch.int64: TensorProto.INT64, torch.bool: TensorProto.BOOL}
    return helper.make_tensor_value_info(name, types[tensor.dtype], list(tensor.shape))
