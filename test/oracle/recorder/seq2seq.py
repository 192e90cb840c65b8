"""seq2seq.json: transformers' EncoderDecoderModel of two BERTs that share their word embeddings, and TSDAE's use of it, in float64."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import BertConfig, BertLMHeadModel, BertModel, EncoderDecoderModel

from recorder.models import CLS, CONFIG, PAD, SEP, draw_weights, load, padded, words, write_gradients, write_weights
from recorder.tensors import write

_ENCODER_LAYERS, _DECODER_LAYERS = 1, 2
_B, _T = 3, 12
_S = _T - 1
_SOURCES, _TARGETS = (10, 7, 4), (10, 5, 8)
_SEED = 6


def record() -> str:
    """The same batch and weights, once with the decoder seeing all of the encoder's states, once their mean alone (Wang et al. 2021)."""
    generator = torch.Generator().manual_seed(_SEED)
    model = _model()
    parameters = {_our_name(name): parameter for name, parameter in model.named_parameters()}
    weights = draw_weights(generator, parameters)
    load(parameters, weights)
    batch = _batch(generator)
    # Two thirds of the labels are what the model thinks most likely, in one case or in the other, so that there is something to be right about.
    words_BS = (batch["weights"] == 1) & (batch["labels"] != SEP)
    for part, logits_BSV in enumerate((_logits(model, batch), _logits_from_mean(model, batch))):
        easy = torch.arange(_B * _S).reshape(_B, _S) % 3 == part
        batch["labels"] = torch.where(easy & words_BS, logits_BSV.argmax(-1), batch["labels"])
    cases = {
        "attention to all states": _record_case(parameters, batch, _logits(model, batch)),
        "tsdae": _record_case(parameters, batch, _logits_from_mean(model, batch)),
    }
    config = {**CONFIG, "num_hidden_layers": _ENCODER_LAYERS, "decoder_layers": _DECODER_LAYERS}
    written = {name: value.tolist() for name, value in batch.items()}
    path = write("seq2seq.json", {"config": config, "weights": write_weights(weights), "batch": written, "cases": cases})
    losses = ", ".join(f"{name} {case['loss']:.4f}" for name, case in cases.items())
    return f"{path.name}: {losses}"


def _model() -> EncoderDecoderModel:
    encoder = BertModel(BertConfig(**{**CONFIG, "num_hidden_layers": _ENCODER_LAYERS}), add_pooling_layer=False)
    decoder_config = {**CONFIG, "num_hidden_layers": _DECODER_LAYERS, "is_decoder": True, "add_cross_attention": True}
    model = EncoderDecoderModel(encoder=encoder, decoder=BertLMHeadModel(BertConfig(**decoder_config))).double()
    shared = model.encoder.embeddings.word_embeddings.weight
    model.decoder.bert.embeddings.word_embeddings.weight = shared
    model.decoder.cls.predictions.decoder.weight = shared
    assert model.decoder.cls.predictions.decoder.bias is model.decoder.cls.predictions.bias
    return model


def _our_name(name: str) -> str:
    """The encoder's parameters begin with `bert.`, as in every other model."""
    return f"bert.{name.removeprefix('encoder.')}" if name.startswith("encoder.") else name


def _batch(generator: torch.Generator) -> dict[str, Tensor]:
    sources = [[CLS, *words(generator, count).tolist(), SEP] for count in _SOURCES]
    targets = [words(generator, count).tolist() for count in _TARGETS]
    return {
        "inputIds": padded(sources, _T),
        "attentionMask": padded([[1] * len(row) for row in sources], _T),
        "decoderIds": padded([[CLS, *target] for target in targets], _S),
        "labels": padded([[*target, SEP] for target in targets], _S),
        "weights": padded([[1] * (len(target) + 1) for target in targets], _S),
    }


def _logits(model: EncoderDecoderModel, batch: dict[str, Tensor]) -> Tensor:
    return model(input_ids=batch["inputIds"], attention_mask=batch["attentionMask"], decoder_input_ids=batch["decoderIds"]).logits


def _logits_from_mean(model: EncoderDecoderModel, batch: dict[str, Tensor]) -> Tensor:
    states_BTH = model.encoder(input_ids=batch["inputIds"], attention_mask=batch["attentionMask"]).last_hidden_state
    mask_BT1 = batch["attentionMask"].unsqueeze(-1).double()
    mean_B1H = (states_BTH * mask_BT1).sum(1, keepdim=True) / mask_BT1.sum(1, keepdim=True)
    return model.decoder(input_ids=batch["decoderIds"], encoder_hidden_states=mean_B1H).logits


def _record_case(parameters: dict[str, Tensor], batch: dict[str, Tensor], logits_BSV: Tensor) -> dict[str, Any]:
    """The mean over all written tokens, which is EncoderDecoderModel's own loss with -100 for padding."""
    labels_BS = batch["labels"].masked_fill(batch["weights"] == 0, -100)
    words_BS = (labels_BS != -100) & (labels_BS != SEP) & (labels_BS != PAD)
    loss = F.cross_entropy(logits_BSV.flatten(0, 1), labels_BS.flatten())
    return {
        "loss": loss.item(),
        "accuracy": (logits_BSV.argmax(-1) == labels_BS)[words_BS].double().mean().item(),
        "gradients": write_gradients(loss, parameters),
    }
