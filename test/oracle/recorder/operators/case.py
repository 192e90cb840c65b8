"""What one recorded case is, and the ways to draw its inputs."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from recorder import tensors

Draw = Callable[[torch.Generator], Tensor]


@dataclass(frozen=True)
class Case:
    """One operator on one set of inputs.

    `constants` are the indices of float inputs whose gradient is not recorded; `smooth` is False where the inputs lie on a
    kink on purpose, so that PyTorch's choice of subgradient is recorded and finite differences do not apply.
    """

    op: str
    name: str
    inputs: list[Draw]
    attributes: dict[str, Any] = field(default_factory=dict)
    constants: frozenset[int] = frozenset()
    smooth: bool = True

    def generator(self) -> torch.Generator:
        """Seeded by the case's own name: a new case leaves the others' numbers as they are."""
        return torch.Generator().manual_seed(zlib.crc32(f"{self.op}: {self.name}".encode()))


def normal(*shape: int, scale: float = 1.0) -> Draw:
    return lambda generator: tensors.normal(generator, *shape, scale=scale)


def positive(*shape: int) -> Draw:
    """Uniform in [0.3, 2]."""
    return lambda generator: torch.round(0.3 + 1.7 * torch.rand(shape, generator=generator, dtype=torch.float64), decimals=4)


def nonzero(*shape: int) -> Draw:
    """Either sign, size in [0.3, 2]."""

    def draw(generator: torch.Generator) -> Tensor:
        size = positive(*shape)(generator)
        return torch.where(torch.rand(shape, generator=generator) < 0.5, -size, size)

    return draw


def fixed(values: Any) -> Draw:
    """Given float64 values."""
    return lambda _: torch.tensor(values, dtype=torch.float64)


def indices(values: Any) -> Draw:
    """Given int64 values."""
    return lambda _: torch.tensor(values, dtype=torch.int64)


def booleans(values: Any) -> Draw:
    return lambda _: torch.tensor(values, dtype=torch.bool)
