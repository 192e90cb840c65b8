"""bert-mlm.json: thirty masked-language-modelling steps of transformers' BertForMaskedLM, in float32 and again in float64."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM

from recorder.tensors import number, to_base64, to_json, write

_CONFIG = {
    "vocab_size": 97,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "tie_word_embeddings": True,
}
_PAD, _CLS, _SEP, _MASK, _FIRST_WORD = 0, 2, 3, 4, 5
_STEPS, _B, _T, _MASKED = 30, 4, 16, 10
_WARM_UP, _PEAK = 5, 3e-3
_BETAS, _EPSILON, _WEIGHT_DECAY, _CLIP_NORM = (0.9, 0.999), 1e-8, 0.01, 1.0
_SEED = 2


@dataclass(frozen=True)
class Batch:
    """`positions` are the masked slots as flat indices into B*T, `labels` their true tokens."""

    input_ids_BT: Tensor
    attention_mask_BT: Tensor
    token_type_ids_BT: Tensor
    positions_M: Tensor
    labels_M: Tensor
    learning_rate: float


def record() -> str:
    generator = torch.Generator().manual_seed(_SEED)
    initial = _initial_weights(generator)
    batches = [_batch(step, generator) for step in range(_STEPS)]
    single = _train(initial, batches, torch.float32)
    double = _train(initial, batches, torch.float64)
    path = write(
        "bert-mlm.json",
        {
            "config": _CONFIG,
            "optimizer": {"betas": _BETAS, "epsilon": _EPSILON, "weightDecay": _WEIGHT_DECAY, "clipNorm": _CLIP_NORM},
            "undecayed": [name for name in initial if not _decays(name)],
            "initialWeights": {name: to_base64(value) for name, value in initial.items()},
            "batches": [_batch_to_json(batch) for batch in batches],
            **single,
            "float64": {"losses": double["losses"], "gradientNorms": double["gradientNorms"]},
        },
    )
    return f"{path.name}: loss {single['losses'][0]:.4f} to {single['losses'][-1]:.4f} in {_STEPS} steps"


def _model() -> BertForMaskedLM:
    return BertForMaskedLM(BertConfig(**_CONFIG, attn_implementation="eager"))


def _initial_weights(generator: torch.Generator) -> dict[str, Tensor]:
    """No parameter is left at 0 or 1, so that exchanging or forgetting one cannot pass unseen."""

    def draw(name: str, shape: torch.Size) -> Tensor:
        noise = torch.randn(shape, generator=generator) * (0.05 if len(shape) == 2 else 0.02)
        return 1 + noise if name.endswith("LayerNorm.weight") else noise

    return {name: draw(name, parameter.shape) for name, parameter in _model().named_parameters()}


def _decays(name: str) -> bool:
    return not name.endswith(("bias", "LayerNorm.weight"))


def _learning_rate(step: int) -> float:
    """Linear warm-up, then linear decay that would reach 0 at the step after the last."""
    return _PEAK * ((step + 1) / _WARM_UP if step < _WARM_UP else (_STEPS - step) / (_STEPS - _WARM_UP))


def _batch(step: int, generator: torch.Generator) -> Batch:
    """Two segments a row, words skewed towards low numbers, every other row padded; 80/10/10 on a fixed number of slots."""
    words = _CONFIG["vocab_size"] - _FIRST_WORD
    skew = 1 / torch.arange(1, words + 1, dtype=torch.float64)
    drawn = torch.multinomial(skew, _B * _T, replacement=True, generator=generator).reshape(_B, _T)
    token_ids_BT = drawn + _FIRST_WORD
    attention_mask_BT = torch.ones(_B, _T, dtype=torch.int64)
    token_type_ids_BT = torch.zeros(_B, _T, dtype=torch.int64)
    for row in range(_B):
        length = _T if row % 2 == 0 else _random_int(generator, 8, 14)
        first = _random_int(generator, 3, length - 3)
        token_ids_BT[row, 0] = _CLS
        token_ids_BT[row, first] = _SEP
        token_ids_BT[row, length - 1] = _SEP
        token_ids_BT[row, length:] = _PAD
        attention_mask_BT[row, length:] = 0
        token_type_ids_BT[row, first + 1 : length] = 1
    maskable = (token_ids_BT.flatten() >= _FIRST_WORD).nonzero().flatten()
    chosen = torch.randperm(len(maskable), generator=generator)[:_MASKED]
    positions_M = maskable[chosen].sort().values
    labels_M = token_ids_BT.flatten()[positions_M]
    kind = torch.rand(_MASKED, generator=generator)
    random_words = torch.randint(_FIRST_WORD, _CONFIG["vocab_size"], (_MASKED,), generator=generator)
    shown_M = torch.where(kind < 0.8, _MASK, torch.where(kind < 0.9, random_words, labels_M))
    input_ids_BT = token_ids_BT.flatten().index_put((positions_M,), shown_M).reshape(_B, _T)
    return Batch(input_ids_BT, attention_mask_BT, token_type_ids_BT, positions_M, labels_M, _learning_rate(step))


def _random_int(generator: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=generator))


def _train(initial: dict[str, Tensor], batches: list[Batch], dtype: torch.dtype) -> dict[str, Any]:
    model = _model().to(dtype)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(initial[name])
    _assert_loss_is_the_models_own(model, batches[0])
    groups = [
        {"params": [value for name, value in parameters.items() if _decays(name)], "weight_decay": _WEIGHT_DECAY},
        {"params": [value for name, value in parameters.items() if not _decays(name)], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, betas=_BETAS, eps=_EPSILON, foreach=False)
    first_step = _look_at_first_step(model, batches[0], dtype)
    losses, norms = [], []
    for batch in batches:
        for group in optimiser.param_groups:
            group["lr"] = batch.learning_rate
        optimiser.zero_grad()
        loss = F.cross_entropy(_masked_logits(model, batch), batch.labels_M)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), _CLIP_NORM, foreach=False)
        optimiser.step()
        losses.append(number(loss.item(), dtype))
        norms.append(number(norm.item(), dtype))
    final = {name: {"sum": _float64(value).sum().item(), "l2": _float64(value).norm().item()} for name, value in parameters.items()}
    return {"losses": losses, "gradientNorms": norms, "firstStep": first_step, "finalWeights": final}


def _masked_logits(model: BertForMaskedLM, batch: Batch) -> Tensor:
    logits_BTV = model(**_model_inputs(batch)).logits
    return logits_BTV.flatten(0, 1)[batch.positions_M]


def _model_inputs(batch: Batch) -> dict[str, Tensor]:
    return {"input_ids": batch.input_ids_BT, "attention_mask": batch.attention_mask_BT, "token_type_ids": batch.token_type_ids_BT}


def _assert_loss_is_the_models_own(model: BertForMaskedLM, batch: Batch) -> None:
    labels_BT = torch.full((_B * _T,), -100).index_put((batch.positions_M,), batch.labels_M).reshape(_B, _T)
    own = model(**_model_inputs(batch), labels=labels_BT).loss
    ours = F.cross_entropy(_masked_logits(model, batch), batch.labels_M)
    torch.testing.assert_close(own.double(), ours.double(), rtol=1e-5, atol=1e-6)


def _look_at_first_step(model: BertForMaskedLM, batch: Batch, dtype: torch.dtype) -> dict[str, Any]:
    """What the untrained model says of the first batch, and the norm of each gradient before clipping."""
    hidden_BTH = model.bert(**_model_inputs(batch)).last_hidden_state
    mask_BT1 = batch.attention_mask_BT.unsqueeze(-1).to(dtype)
    mean_BH = (hidden_BTH * mask_BT1).sum(1) / mask_BT1.sum(1)
    logits_MV = _masked_logits(model, batch)
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(F.cross_entropy(logits_MV, batch.labels_M), list(parameters.values()))
    return {
        "logits": to_json(logits_MV[:2]),
        "meanPooled": to_json(mean_BH),
        "cls": to_json(hidden_BTH[:, 0]),
        "gradientL2": {name: _float64(gradient).norm().item() for name, gradient in zip(parameters, gradients, strict=True)},
    }


def _float64(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float64)


def _batch_to_json(batch: Batch) -> dict[str, Any]:
    return {
        "inputIds": batch.input_ids_BT.tolist(),
        "attentionMask": batch.attention_mask_BT.tolist(),
        "tokenTypeIds": batch.token_type_ids_BT.tolist(),
        "positions": batch.positions_M.tolist(),
        "labels": batch.labels_M.tolist(),
        "learningRate": batch.learning_rate,
    }
