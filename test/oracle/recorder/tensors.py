"""How tensors are drawn and written down: shared by every recorder."""

import base64
import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FOLDER = Path(__file__).resolve().parent.parent
RECORDED_WITH = {name: version(name) for name in ("torch", "transformers", "onnx", "numpy")}


def use_deterministic_torch() -> None:
    """One thread and deterministic kernels, so that recording twice gives the same bytes."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def normal(generator: torch.Generator, *shape: int, scale: float = 1.0) -> Tensor:
    """Float64 normal numbers, rounded to four decimals: exact in the JSON and short."""
    return torch.round(torch.randn(shape, generator=generator, dtype=torch.float64) * scale, decimals=4)


def number(value: float, dtype: torch.dtype = torch.float64) -> float:
    """The shortest number that reads back as `value` in its dtype. A minus zero becomes a plain zero."""
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be written as JSON")
    short = float(str(torch.tensor(value, dtype=dtype).numpy())) if dtype == torch.float32 else value
    return short + 0.0


def to_json(tensor: Tensor, with_dtype: bool = False) -> dict[str, Any]:
    """`{shape, dtype?, data}` with the data flat in row-major order; booleans are written as 0 and 1."""
    flat = tensor.detach().flatten()
    if tensor.is_floating_point():
        data = [number(value, tensor.dtype) for value in flat.tolist()]
    else:
        data = [int(value) for value in flat.tolist()]
    dtype = {"dtype": str(tensor.dtype).removeprefix("torch.")} if with_dtype else {}
    return {"shape": list(tensor.shape), **dtype, "data": data}


def to_base64(tensor: Tensor) -> dict[str, Any]:
    """`{shape, base64}`: little-endian float32, row-major."""
    values = tensor.detach().contiguous().numpy().astype("<f4")
    return {"shape": list(tensor.shape), "base64": base64.b64encode(values.tobytes()).decode("ascii")}


def write(file_name: str, content: dict[str, Any]) -> Path:
    """Writes one recording. Each item of a top-level list or object has a line of its own, so that a diff can be read."""
    fields = [f"{json.dumps(key)}: {_layout(value)}" for key, value in {"recordedWith": RECORDED_WITH, **content}.items()]
    path = FOLDER / file_name
    path.write_text("{\n" + ",\n".join(fields) + "\n}\n", encoding="utf-8")
    return path


def _layout(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return "[\n" + ",\n".join(_compact(item) for item in value) + "\n]"
    if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
        return "{\n" + ",\n".join(f"{json.dumps(key)}: {_compact(item)}" for key, item in value.items()) + "\n}"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
