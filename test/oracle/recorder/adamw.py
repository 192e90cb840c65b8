"""adamw.json: twelve steps of torch.optim.AdamW with given gradients, in float64."""

from typing import Any

import torch

from recorder.tensors import normal, to_json, write

_SHAPES: dict[str, tuple[int, ...]] = {"matrix": (3, 4), "bias": (4,), "scale": (2,)}
_WEIGHT_DECAYS = {"matrix": 0.1, "bias": 0.0, "scale": 0.0}
_STEPS = 12
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_SEED = 4


def record() -> str:
    """The same gradients and learning rates with and without clipping."""
    cases = [_record_case("without clipping", None), _record_case("clipped at norm 1", 1.0)]
    path = write("adamw.json", {"cases": cases})
    return f"{path.name}: {len(cases)} cases"


def _record_case(name: str, clip_norm: float | None) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(_SEED)
    parameters = {key: normal(generator, *shape).requires_grad_() for key, shape in _SHAPES.items()}
    initial = {key: to_json(parameter) for key, parameter in parameters.items()}
    optimiser = torch.optim.AdamW(
        [{"params": [parameter], "weight_decay": _WEIGHT_DECAYS[key]} for key, parameter in parameters.items()],
        betas=_BETAS,
        eps=_EPSILON,
        foreach=False,
    )
    steps = []
    for step in range(_STEPS):
        learning_rate = 0.01 * min(1.0, (step + 1) / 4) * (1 - 0.05 * step)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate
        # Small and large gradients in turn, so that clipping acts in some steps and not in others.
        for parameter in parameters.values():
            parameter.grad = normal(generator, *parameter.shape, scale=0.1 if step % 3 == 1 else 1.0)
        gradients = {key: to_json(parameter.grad) for key, parameter in parameters.items()}
        limit = torch.inf if clip_norm is None else clip_norm
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), limit, foreach=False)
        optimiser.step()
        steps.append(
            {
                "learningRate": learning_rate,
                "gradients": gradients,
                "gradientNorm": norm.item(),
                "values": {key: to_json(parameter) for key, parameter in parameters.items()},
            }
        )
    moments = {
        field: {key: to_json(optimiser.state[parameter][state]) for key, parameter in parameters.items()}
        for field, state in (("finalM", "exp_avg"), ("finalV", "exp_avg_sq"))
    }
    return {
        "name": name,
        "betas": _BETAS,
        "epsilon": _EPSILON,
        "clipNorm": clip_norm,
        "weightDecay": _WEIGHT_DECAYS,
        "initial": initial,
        "steps": steps,
        **moments,
    }
