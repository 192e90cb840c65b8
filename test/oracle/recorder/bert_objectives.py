"""bert-objectives.json: next-sentence prediction, causal language modelling and contrastive learning with transformers' BERT, in float64."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import BertConfig, BertForNextSentencePrediction, BertForPreTraining, BertLMHeadModel, BertModel

from recorder.contrastive import nt_xent
from recorder.models import CLS, CONFIG, SEP, draw_weights, load, padded, words, write_gradients, write_weights
from recorder.tensors import write

_B, _T = 4, 12
_TEMPERATURE = 0.1
_SEED = 5


def record() -> str:
    """One step of each with the same weights: the batch, the loss and the gradient of every parameter."""
    generator = torch.Generator().manual_seed(_SEED)
    weights = draw_weights(generator, dict(BertForPreTraining(BertConfig(**CONFIG)).named_parameters()))
    cases = {
        "nsp": _next_sentence(generator, weights),
        "clm": _causal(generator, weights),
        "contrastive": _contrastive(generator, weights),
    }
    path = write("bert-objectives.json", {"config": CONFIG, "weights": write_weights(weights), "cases": cases})
    losses = ", ".join(f"{name} {case['loss']:.4f}" for name, case in cases.items())
    return f"{path.name}: {losses}"


def _next_sentence(generator: torch.Generator, weights: dict[str, Tensor]) -> dict[str, Any]:
    """[CLS] A [SEP] B [SEP] with segment ids, all but the first padded."""
    rows, types = [], []
    for first, second in ((4, 5), (2, 6), (3, 1), (5, 2)):
        rows.append([CLS, *words(generator, first).tolist(), SEP, *words(generator, second).tolist(), SEP])
        types.append([0] * (first + 2) + [1] * (second + 1))
    input_ids_BT, token_type_ids_BT = padded(rows, _T), padded(types, _T)
    attention_mask_BT = padded([[1] * len(row) for row in rows], _T)
    labels_B = torch.tensor([0, 1, 1, 0])
    model = BertForNextSentencePrediction(BertConfig(**CONFIG)).double()
    parameters = dict(model.named_parameters())
    load(parameters, weights)
    output = model(input_ids=input_ids_BT, attention_mask=attention_mask_BT, token_type_ids=token_type_ids_BT, labels=labels_B)
    return {
        "batch": {
            "inputIds": input_ids_BT.tolist(),
            "attentionMask": attention_mask_BT.tolist(),
            "tokenTypeIds": token_type_ids_BT.tolist(),
            "labels": labels_B.tolist(),
        },
        "loss": output.loss.item(),
        "accuracy": (output.logits.argmax(-1) == labels_B).double().mean().item(),
        "gradients": write_gradients(output.loss, parameters),
    }


def _causal(generator: torch.Generator, weights: dict[str, Tensor]) -> dict[str, Any]:
    """Full sequences, one of them over a document's end; the model shifts the labels itself."""
    rows = [[CLS, *words(generator, _T - 2).tolist(), SEP] for _ in range(_B)]
    rows[1][5] = SEP
    input_ids_BT = torch.tensor(rows)
    model = BertLMHeadModel(BertConfig(**CONFIG, is_decoder=True)).double()
    parameters = dict(model.named_parameters())
    load(parameters, weights)
    output = model(input_ids=input_ids_BT, labels=input_ids_BT)
    return {
        "batch": {"inputIds": rows, "labels": [row[1:] for row in rows]},
        "loss": output.loss.item(),
        "accuracy": (output.logits[:, :-1].argmax(-1) == input_ids_BT[:, 1:]).double().mean().item(),
        "gradients": write_gradients(output.loss, parameters),
    }


def _contrastive(generator: torch.Generator, weights: dict[str, Tensor]) -> dict[str, Any]:
    """NT-Xent of the mean over the unpadded tokens, first texts first."""
    rows = [[CLS, *words(generator, count).tolist(), SEP] for count in (10, 4, 7, 10, 8, 10, 5, 9)]
    input_ids_BT = padded(rows, _T)
    attention_mask_BT = padded([[1] * len(row) for row in rows], _T)
    model = BertModel(BertConfig(**CONFIG), add_pooling_layer=False).double()
    parameters = {f"bert.{name}": parameter for name, parameter in model.named_parameters()}
    load(parameters, weights)
    states_BTH = model(input_ids=input_ids_BT, attention_mask=attention_mask_BT).last_hidden_state
    mask_BT1 = attention_mask_BT.unsqueeze(-1).double()
    mean_BH = (states_BTH * mask_BT1).sum(1) / mask_BT1.sum(1)
    first, second = mean_BH.chunk(2)
    loss = nt_xent(first, second, _TEMPERATURE)
    similarities = F.normalize(mean_BH) @ F.normalize(mean_BH).T - 2 * torch.eye(len(rows))
    partners = torch.arange(len(rows)).roll(len(first))
    return {
        "temperature": _TEMPERATURE,
        "batch": {"inputIds": input_ids_BT.tolist(), "attentionMask": attention_mask_BT.tolist()},
        "loss": loss.item(),
        "retrieval": (similarities.argmax(-1) == partners).double().mean().item(),
        "gradients": write_gradients(loss, parameters),
    }
