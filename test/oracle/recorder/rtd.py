"""rtd.json: ELECTRA's generator and discriminator, transformers' ElectraForMaskedLM and ElectraForPreTraining with shared embeddings, in float64."""

from typing import Any

import torch
from torch import Tensor
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

from recorder.models import CLS, CONFIG, MASK, SEP, draw_weights, load, words, write_gradients, write_weights
from recorder.tensors import write

_WIDTH = CONFIG["hidden_size"]
_GENERATOR = {"hidden_size": 8, "num_attention_heads": 1, "intermediate_size": 12}
_B, _T, _EACH = 3, 12, 3
# Positions in each row; those of the last row leave a slot over.
_HIDDEN = ([2, 5, 9], [1, 6, 10], [4, 7])
_WEIGHT = 50.0
# So peaked that a draw is the most likely token.
_PEAK = 800.0
_SHARPENED = "generator_predictions.LayerNorm.weight"
_SEED = 7


def record() -> str:
    """The whole loss with a generator that always draws its most likely token, and the generator's loss alone with an ordinary one."""
    generator = torch.Generator().manual_seed(_SEED)
    maker, judge = _models()
    parameters = _shared_parameters(maker, judge)
    weights = draw_weights(generator, parameters)
    original_BT = torch.stack([torch.tensor([CLS, *words(generator, _T - 2).tolist(), SEP]) for _ in range(_B)])
    hidden = torch.zeros(_B, _T, dtype=torch.bool)
    for row, positions in enumerate(_HIDDEN):
        hidden[row, positions] = True
    masked_BT = original_BT.masked_fill(hidden, MASK)
    load(parameters, weights)
    load({_SHARPENED: parameters[_SHARPENED]}, {_SHARPENED: weights[_SHARPENED] * _PEAK})
    drawn_BT = _peaked_draws(maker, masked_BT, hidden)
    # One of the hidden tokens is the very one that the generator draws: nothing is replaced there.
    original_BT[1, _HIDDEN[1][0]] = drawn_BT[1, _HIDDEN[1][0]]
    corrupted_BT = torch.where(hidden, drawn_BT, original_BT)
    batch = _batch(original_BT, masked_BT, hidden)
    whole = _whole_case(maker, judge, parameters, batch, corrupted_BT)
    load(parameters, weights)
    alone = _generator_case(maker, parameters, batch)
    path = write(
        "rtd.json",
        {
            "config": CONFIG,
            "generator": _GENERATOR,
            "discriminatorWeight": _WEIGHT,
            "sharpened": {"name": _SHARPENED, "factor": _PEAK},
            "weights": write_weights(weights),
            "batch": {**{name: value.tolist() for name, value in batch.items()}, "corruptedIds": corrupted_BT.tolist()},
            "whole": whole,
            "generatorAlone": alone,
        },
    )
    return f"{path.name}: {whole['loss']:.4f}, generator alone {alone['loss']:.4f}"


def _models() -> tuple[ElectraForMaskedLM, ElectraForPreTraining]:
    maker = ElectraForMaskedLM(ElectraConfig(**{**CONFIG, **_GENERATOR}, embedding_size=_WIDTH)).double()
    judge = ElectraForPreTraining(ElectraConfig(**CONFIG, embedding_size=_WIDTH)).double()
    maker.electra.embeddings = judge.electra.embeddings
    maker.generator_lm_head.weight = judge.electra.embeddings.word_embeddings.weight
    return maker, judge


def _shared_parameters(maker: ElectraForMaskedLM, judge: ElectraForPreTraining) -> dict[str, Tensor]:
    """By our names: the discriminator is the model, `bert.`; of the generator everything but the embeddings is its own."""
    own = {name.replace("electra.", "generator."): value for name, value in maker.named_parameters() if ".embeddings." not in name}
    ours = {name.replace("electra.", "bert."): value for name, value in judge.named_parameters()}
    assert not own.keys() & ours.keys()
    assert all(value is not shared for value in own.values() for shared in ours.values())
    return {**ours, **own}


def _peaked_draws(maker: ElectraForMaskedLM, masked_BT: Tensor, hidden: Tensor) -> Tensor:
    logits_BTV = maker(input_ids=masked_BT).logits
    best = logits_BTV[hidden].topk(2).values
    # The noise that is added for a draw lies between -4 and 17 but once in a million draws.
    assert (best[:, 0] - best[:, 1]).min() > 25, (best[:, 0] - best[:, 1]).tolist()
    return logits_BTV.argmax(-1)


def _batch(original_BT: Tensor, masked_BT: Tensor, hidden: Tensor) -> dict[str, Tensor]:
    slots_BM = torch.tensor([positions + [0] * (_EACH - len(positions)) for positions in _HIDDEN])
    labels_BM = original_BT.gather(1, slots_BM)
    return {"originalIds": original_BT, "maskedIds": masked_BT, "slots": slots_BM, "labels": labels_BM, "weights": hidden.gather(1, slots_BM).int()}


def _generator_loss(maker: ElectraForMaskedLM, batch: dict[str, Tensor]) -> Tensor:
    labels_BT = batch["originalIds"].masked_fill(batch["maskedIds"] == batch["originalIds"], -100)
    return maker(input_ids=batch["maskedIds"], labels=labels_BT).loss


def _whole_case(
    maker: ElectraForMaskedLM, judge: ElectraForPreTraining, parameters: dict[str, Tensor], batch: dict[str, Tensor], corrupted_BT: Tensor
) -> dict[str, Any]:
    replaced_BT = (corrupted_BT != batch["originalIds"]).long()
    output = judge(input_ids=corrupted_BT, labels=replaced_BT.double())
    made = _generator_loss(maker, batch)
    loss = made + _WEIGHT * output.loss
    yes = output.logits > 0
    recalls = [(yes[replaced_BT == 1]).double().mean(), (~yes[replaced_BT == 0]).double().mean()]
    return {
        "loss": loss.item(),
        "generator": made.item(),
        "discriminator": output.loss.item(),
        "accuracy": (sum(recalls) / 2).item(),
        "gradients": write_gradients(loss, parameters),
    }


def _generator_case(maker: ElectraForMaskedLM, parameters: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Any]:
    loss = _generator_loss(maker, batch)
    return {"loss": loss.item(), "gradients": write_gradients(loss, parameters)}
