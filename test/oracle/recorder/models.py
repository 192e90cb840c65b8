"""What the recorders of whole models share: their size, their weights, sequences for them, and gradients written down."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from recorder.tensors import to_base64

PAD, CLS, SEP, MASK, FIRST_WORD = 0, 2, 3, 4, 5

CONFIG = {
    "vocab_size": 43,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 14,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "attn_implementation": "eager",
}


def draw_weights(generator: torch.Generator, names: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights, of which none is left at 0 or 1, large enough that attention is uneven and gradients are not small."""

    def draw(name: str, shape: torch.Size) -> Tensor:
        noise = torch.randn(shape, generator=generator) * (0.3 if len(shape) == 2 else 0.1)
        return 1 + noise if name.endswith("LayerNorm.weight") else noise

    return {name: draw(name, parameter.shape) for name, parameter in names.items()}


def load(parameters: Mapping[str, nn.Parameter], weights: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])


def write_weights(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: to_base64(value) for name, value in weights.items()}


def write_gradients(loss: Tensor, parameters: Mapping[str, Tensor]) -> dict[str, Any]:
    """The gradient of a loss by each parameter; zeros for one that it does not depend on."""
    gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True, retain_graph=True, materialize_grads=True)
    return {name: to_base64(gradient) for name, gradient in zip(parameters, gradients, strict=True)}


def words(generator: torch.Generator, count: int) -> Tensor:
    return torch.randint(FIRST_WORD, CONFIG["vocab_size"], (count,), generator=generator)


def padded(rows: list[list[int]], length: int) -> Tensor:
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
