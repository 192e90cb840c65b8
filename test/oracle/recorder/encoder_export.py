"""Encoders as ONNX files, and what PyTorch computes with them: exported by both of PyTorch's exporters, and one written by hand."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM

from recorder.tensors import FOLDER, to_json, write

_BATCH, _LENGTH, _VOCABULARY, _HIDDEN, _HEADS, _INTERMEDIATE, _LAYERS = 2, 6, 41, 16, 2, 24, 2
_LEARNING_RATE = 0.05
_STEPS = 8


def record() -> str:
    torch.manual_seed(3)
    inputs = {
        "input_ids": torch.randint(5, _VOCABULARY, (_BATCH, _LENGTH)),
        "attention_mask": torch.tensor([[1] * _LENGTH, [1] * (_LENGTH - 2) + [0] * 2]),
    }
    labels = torch.randint(0, _VOCABULARY, (_BATCH, _LENGTH))
    models = {"exported with TorchScript": "script", "exported with dynamo": "dynamo", "written by hand": "hand"}
    recorded = {name: _record(kind, inputs, labels) for name, kind in models.items()}
    path = write("encoders.json", {"labels": labels.tolist(), "inputs": {k: v.tolist() for k, v in inputs.items()}, "models": recorded})
    return f"{path.name}: {len(models)} encoders"


def _record(kind: str, inputs: dict[str, Tensor], labels: Tensor) -> dict[str, Any]:
    model = _HandWritten() if kind == "hand" else _bert()
    file = f"encoder-{kind}.onnx"
    _export(kind, model, inputs, FOLDER / file)
    # Tensors of the file are told by their contents: exporters transpose weights and drop their names. Those that an exporter has computed with
    # (dynamo adds up embeddings of fixed positions) are no parameters any more, and are left out.
    tensors = {t.name: numpy_helper.to_array(t) for t in onnx.load(FOLDER / file).graph.initializer}
    names = {}
    for name, parameter in model.named_parameters():
        for found, contents in tensors.items():
            for transposed, candidate in ((False, parameter.detach()), (True, parameter.detach().T)):
                if contents.shape == tuple(candidate.shape) and np.array_equal(contents, candidate.numpy()) and found not in names:
                    names[found] = (name, transposed)
    logits, loss = _loss(model, inputs, labels)
    loss.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {
        "file": file,
        "logits": to_json(logits.detach()),
        "loss": loss.item(),
        "gradients": [
            {"tensor": found, "parameter": name, "transposed": transposed, "gradient": to_json(gradients[name])}
            for found, (name, transposed) in names.items()
        ],
        "losses": _train(model, inputs, labels, {n for n, _ in names.values()}),
        "learningRate": _LEARNING_RATE,
    }


def _loss(model: nn.Module, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
    output = model(**inputs)
    logits = output if isinstance(output, Tensor) else output.logits
    return logits, nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def _train(model: nn.Module, inputs: dict[str, Tensor], labels: Tensor, trained: set[str]) -> list[float]:
    """Losses before each step of plain gradient descent."""
    optimiser = torch.optim.SGD([p for n, p in model.named_parameters() if n in trained], lr=_LEARNING_RATE)
    losses = []
    for _ in range(_STEPS):
        optimiser.zero_grad()
        _, loss = _loss(model, inputs, labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def _bert() -> nn.Module:
    config = BertConfig(
        vocab_size=_VOCABULARY, hidden_size=_HIDDEN, num_hidden_layers=_LAYERS, num_attention_heads=_HEADS,
        intermediate_size=_INTERMEDIATE, max_position_embeddings=_LENGTH, tie_word_embeddings=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model = BertForMaskedLM(config).eval()
    with torch.no_grad():
        # No two alike: exporters share tensors of equal contents.
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def _export(kind: str, model: nn.Module, inputs: dict[str, Tensor], path: Path) -> None:
    if kind == "hand":
        onnx.save(model.to_onnx(), path)
        return
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "model.onnx"
        arguments = {"input_names": list(inputs), "output_names": ["logits"], "dynamo": kind == "dynamo"}
        if kind == "dynamo":
            torch.onnx.export(model, tuple(inputs.values()), draft, opset_version=20, external_data=False, verbose=False, **arguments)
        else:
            # Sizes left open, so that the file computes its shapes when it runs.
            axes = {name: {0: "batch", 1: "length"} for name in inputs}
            torch.onnx.export(model, tuple(inputs.values()), draft, opset_version=17, dynamic_axes=axes, **arguments)
        loaded = onnx.load(draft)
    for node in loaded.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del loaded.graph.value_info[:]
    del loaded.metadata_props[:]
    onnx.save(loaded, path)


class _HandWritten(nn.Module):
    """A pre-LN encoder of one layer with rotary position embeddings and SwiGLU, as the operators of an older opset would say it."""

    def __init__(self) -> None:
        super().__init__()

        def weight(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.round(torch.randn(shape) * 0.3, decimals=4))

        h, i = _HIDDEN, _INTERMEDIATE
        self.embedding = weight(_VOCABULARY, h)
        self.scale = nn.ParameterList([weight(h) for _ in range(3)])
        self.shift = nn.ParameterList([weight(h) for _ in range(3)])
        self.qkv = weight(h, 3 * h)
        self.out = weight(h, h)
        self.gate = weight(h, 2 * i)
        self.down = weight(i, h)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        x = self.embedding[input_ids]
        normed = self._norm(x, 0)
        q, k, v = (t.reshape(_BATCH, _LENGTH, _HEADS, -1).transpose(1, 2) for t in (normed @ self.qkv).split(_HIDDEN, -1))
        q, k = self._rotate(q), self._rotate(k)
        scores = q @ k.transpose(-1, -2) / (_HIDDEN // _HEADS) ** 0.5 + (1 - attention_mask[:, None, None, :].float()) * -1e4
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(_BATCH, _LENGTH, _HIDDEN)
        x = x + mixed @ self.out
        gate, value = (self._norm(x, 1) @ self.gate).split(_INTERMEDIATE, -1)
        x = x + (gate * gate.sigmoid() * value) @ self.down
        return self._norm(x, 2) @ self.embedding.T

    def _norm(self, x: Tensor, i: int) -> Tensor:
        return nn.functional.layer_norm(x, (_HIDDEN,), self.scale[i], self.shift[i], 1e-5)

    def _rotate(self, x: Tensor) -> Tensor:
        cos, sin = self._angles()
        left, right = x.chunk(2, -1)
        return x * cos + torch.cat([-right, left], -1) * sin

    def _angles(self) -> tuple[Tensor, Tensor]:
        half = _HIDDEN // _HEADS // 2
        angle = torch.arange(_LENGTH)[:, None] * 10000 ** (-torch.arange(half) / half)
        return torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()

    def to_onnx(self) -> onnx.ModelProto:
        nodes: list[onnx.NodeProto] = []
        tensors: dict[str, np.ndarray] = {name: p.detach().numpy() for name, p in self.named_parameters()}
        tensors |= {"cos": self._angles()[0].numpy(), "sin": self._angles()[1].numpy()}

        def node(op: str, inputs: list[str], outputs: list[str] | str, **attributes: Any) -> str:
            outputs = [outputs] if isinstance(outputs, str) else outputs
            nodes.append(helper.make_node(op, inputs, outputs, f"encoder/{outputs[0]}", **attributes))
            return outputs[0]

        def constant(name: str, value: Any, dtype: Any = np.float32) -> str:
            tensors[name] = np.array(value, dtype)
            return name

        def norm(x: str, i: int) -> str:
            mean = node("ReduceMean", [x], f"mean{i}", axes=[-1])
            centred = node("Sub", [x, mean], f"centred{i}")
            square = node("Pow", [centred, constant("two", 2)], f"square{i}")
            variance = node("ReduceMean", [square], f"variance{i}", axes=[-1])
            deviation = node("Sqrt", [node("Add", [variance, constant("epsilon", 1e-5)], f"sum{i}")], f"deviation{i}")
            scaled = node("Mul", [node("Div", [centred, deviation], f"unit{i}"), f"scale.{i}"], f"scaled{i}")
            return node("Add", [scaled, f"shift.{i}"], f"normed{i}")

        def heads(x: str) -> str:
            # The batch and the length are read off the input, as exporters write it.
            shape = node("Shape", ["input_ids"], f"{x}.shape")
            rest = constant("rest", [_HEADS, -1], np.int64)
            wanted = node("Concat", [shape, rest], f"{x}.wanted", axis=0)
            return node("Transpose", [node("Reshape", [x, wanted], f"{x}.split")], f"{x}.heads", perm=[0, 2, 1, 3])

        def rotate(x: str) -> str:
            node("Split", [x], [f"{x}.left", f"{x}.right"], axis=-1)
            turned = node("Concat", [node("Neg", [f"{x}.right"], f"{x}.minus"), f"{x}.left"], f"{x}.turned", axis=-1)
            return node("Add", [node("Mul", [x, "cos"], f"{x}.cos"), node("Mul", [turned, "sin"], f"{x}.sin")], f"{x}.rotated")

        x = node("Gather", ["embedding", "input_ids"], "x")
        projected = node("MatMul", [norm(x, 0), "qkv"], "projected")
        node("Split", [projected], ["q", "k", "v"], axis=2)
        q, k, v = rotate(heads("q")), rotate(heads("k")), heads("v")
        scores = node("MatMul", [q, node("Transpose", [k], "k.T", perm=[0, 1, 3, 2])], "scores")
        scaled = node("Div", [scores, constant("root", (_HIDDEN // _HEADS) ** 0.5)], "scores.scaled")
        mask = node("Unsqueeze", [node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)], "mask.4d", axes=[1, 2])
        hidden = node("Mul", [node("Sub", [constant("one", 1), mask], "mask.off"), constant("far", -1e4)], "mask.bias")
        weights = node("Softmax", [node("Add", [scaled, hidden], "scores.masked")], "weights", axis=3)
        mixed = node("Transpose", [node("MatMul", [weights, v], "mixed.heads")], "mixed.turned", perm=[0, 2, 1, 3])
        joined = node("Reshape", [mixed, constant("joint", [0, 0, _HIDDEN], np.int64)], "mixed")
        x = node("Add", [x, node("MatMul", [joined, "out"], "attended")], "x1")
        node("Split", [node("MatMul", [norm(x, 1), "gate"], "gated")], ["g", "value"], axis=-1)
        swish = node("Mul", [node("Mul", ["g", node("Sigmoid", ["g"], "g.sigmoid")], "swish"), "value"], "swiglu")
        x = node("Add", [x, node("MatMul", [swish, "down"], "fed")], "x2")
        node("MatMul", [norm(x, 2), node("Transpose", ["embedding"], "embedding.T")], "logits")

        graph = helper.make_graph(
            nodes,
            "encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "length", _VOCABULARY])],
            [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in tensors.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
        onnx.checker.check_model(model, full_check=True)
        return model
