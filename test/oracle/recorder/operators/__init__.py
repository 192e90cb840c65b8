"""operators.json: values and gradients of every differentiable operator, in float64."""

from typing import Any

import torch

from recorder.operators import elementwise, layout, linear, normalisation, reductions
from recorder.operators.case import Case
from recorder.operators.expressions import EXPRESSIONS
from recorder.operators.onnx_reference import assert_forward_matches
from recorder.tensors import normal, to_json, write

CASES: list[Case] = [
    *elementwise.CASES,
    *reductions.CASES,
    *normalisation.CASES,
    *linear.CASES,
    *layout.CASES,
]


def record() -> str:
    """Records all cases. Fails when two share a name, or an expression disagrees with ONNX or with finite differences."""
    names = [(case.op, case.name) for case in CASES]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise ValueError(f"two cases share a name: {sorted(duplicates)}")
    path = write("operators.json", {"cases": [_record_case(case) for case in CASES]})
    return f"{path.name}: {len(CASES)} cases of {len(EXPRESSIONS)} operators"


def _record_case(case: Case) -> dict[str, Any]:
    generator = case.generator()
    inputs = [draw(generator) for draw in case.inputs]
    wanted = [index for index, tensor in enumerate(inputs) if tensor.is_floating_point() and index not in case.constants]
    for index in wanted:
        inputs[index].requires_grad_()

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = EXPRESSIONS[case.op](list(tensors), case.attributes)
        return tuple(result) if isinstance(result, (list, tuple)) else (result,)

    outputs = run(*inputs)
    assert_forward_matches(case, inputs, outputs)
    if case.smooth:
        torch.autograd.gradcheck(run, inputs)
    upstream = [normal(generator, *output.shape) for output in outputs]
    found = torch.autograd.grad(outputs, [inputs[index] for index in wanted], upstream)
    gradients = dict(zip(wanted, found, strict=True))
    return {
        "op": case.op,
        "name": case.name,
        "attributes": case.attributes,
        "inputs": [to_json(tensor, with_dtype=True) for tensor in inputs],
        "outputs": [to_json(tensor) for tensor in outputs],
        "upstream": [to_json(tensor) for tensor in upstream],
        "gradients": [to_json(gradients[index]) if index in gradients else None for index in range(len(inputs))],
    }
