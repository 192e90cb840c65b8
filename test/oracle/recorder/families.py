"""families.json and families/: tiny models of BERT's family as transformers saves them, their tokenizers, and what both compute."""

import shutil
from dataclasses import dataclass, field
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    MPNetConfig,
    MPNetForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from recorder.tensors import FOLDER, number, to_base64, write

_SIZE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_DISTILLED_SIZE = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "dropout": 0.0, "attention_dropout": 0.0}
_POSITIONS, _T, _SEED = 64, 14, 6
_TEXT = [
    f"{subject} {verb} {thing} {place}."
    for subject in ("The whale", "A sailor", "The old captain", "Our ship", "The grey sea")
    for verb in ("watched", "followed", "feared", "forgot", "remembered")
    for thing in ("the harpooneer", "a gull", "the mate")
    for place in ("at dawn", "in the night", "off the cape", "without a word")
]
_ENCODED = [
    "The whale feared the old captain.",
    "  Two  spaces, a naïve café and a 🐋 -- unseen!\nA new line",
    "A sailor watched {mask} at dawn.",
    "don't stop2go",
]
_DISTANCES = 300


@dataclass(frozen=True)
class Family:
    model: type[PreTrainedModel]
    config: Any
    tokenizer: PreTrainedTokenizerFast
    dtype: torch.dtype = torch.float32
    save: dict[str, Any] = field(default_factory=dict)


def record() -> str:
    families = _families()
    shutil.rmtree(FOLDER / "families", ignore_errors=True)
    recorded = {name: _record(name, family, torch.Generator().manual_seed(_SEED)) for name, family in families.items()}
    distances = torch.arange(-_DISTANCES, _DISTANCES + 1)
    path = write(
        "families.json",
        {
            "families": recorded,
            "relativeBuckets": {"from": -_DISTANCES, "buckets": MPNetEncoder.relative_position_bucket(distances).tolist()},
        },
    )
    return f"{path.name}: {', '.join(recorded)}"


def _families() -> dict[str, Family]:
    bert = _word_pieces("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    mpnet = _word_pieces("<pad>", "[UNK]", "<s>", "</s>", "<mask>", order=("<s>", "<pad>", "</s>", "[UNK]", "<mask>"))
    roberta = _byte_pairs()

    def size(tokenizer: PreTrainedTokenizerFast, offset: int = 0) -> dict[str, Any]:
        positions = _POSITIONS + offset
        return {"vocab_size": len(tokenizer), "max_position_embeddings": positions, "pad_token_id": tokenizer.pad_token_id}

    untied = {"type_vocab_size": 1, "layer_norm_eps": 1e-3, "hidden_act": "gelu_new", "tie_word_embeddings": False}
    return {
        "bert": Family(BertForMaskedLM, BertConfig(**_SIZE, **size(bert)), bert),
        "bert-untied": Family(BertForMaskedLM, BertConfig(**_SIZE, **size(bert), **untied), bert),
        "roberta": Family(
            RobertaForMaskedLM,
            RobertaConfig(**_SIZE, **size(roberta, 2), type_vocab_size=1, layer_norm_eps=1e-5),
            roberta,
            dtype=torch.float16,
        ),
        "distilbert": Family(
            DistilBertForMaskedLM,
            DistilBertConfig(**_DISTILLED_SIZE, **size(bert), activation="relu"),
            bert,
            save={"max_shard_size": "12KB"},
        ),
        "mpnet": Family(
            MPNetForMaskedLM, MPNetConfig(**_SIZE, **size(mpnet, 2), layer_norm_eps=1e-5), mpnet, dtype=torch.bfloat16
        ),
    }


def _word_pieces(pad: str, unk: str, cls: str, sep: str, mask: str, order: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    special = list(order or (pad, unk, cls, sep, mask))
    tokenizer = Tokenizer(models.WordPiece(unk_token=unk))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    # The trainer breaks ties differently in every process; a vocabulary of whole words and letters does not depend on it.
    words = sorted({word for line in _TEXT for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(line.lower())})
    letters = sorted({letter for word in words for letter in word} | set("0123456789'-,!"))
    vocabulary = [*special, *letters, *(f"##{letter}" for letter in letters), *(word for word in words if len(word) > 1)]
    tokenizer.model = models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token=unk)
    tokenizer.add_special_tokens(special)
    ids = [(token, vocabulary.index(token)) for token in (cls, sep)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} $B:1 {sep}:1", special_tokens=ids)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, unk_token=unk, cls_token=cls, sep_token=sep, mask_token=mask)


def _byte_pairs() -> PreTrainedTokenizerFast:
    """RoBERTa's kind of tokenizer with a few merges."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("a", "i"), ("Ġ", "s"), ("ai", "l"), ("Ġ", "w"), ("o", "r"), ("Ġs", "ail"), ("Ġsail", "or")]
    merged = [a + b for a, b in merges]
    vocabulary = {token: i for i, token in enumerate([*special[:-1], *alphabet, *merged, special[-1]])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    tokenizer.add_special_tokens([*special[:-1], AddedToken("<mask>", lstrip=True, special=True)])
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "bos_token": "<s>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, mask_token=AddedToken("<mask>", lstrip=True, special=True))


def _record(name: str, family: Family, generator: torch.Generator) -> dict[str, Any]:
    folder = FOLDER / "families" / name
    family.config._attn_implementation = "eager"
    model = family.model(family.config).eval()
    with torch.no_grad():
        # No parameter is left at 0 or 1; what is saved in half precision is what is computed with.
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.dim() == 2 else 0.1)
            parameter.copy_(noise + 1 if parameter_name.lower().endswith("norm.weight") else noise)
    model.to(family.dtype).save_pretrained(folder, **family.save)
    family.tokenizer.save_pretrained(folder)
    model.to(torch.float32)
    inputs = _inputs(family, generator)
    with torch.no_grad():
        logits_BTV = model(**inputs).logits
        states_BTH = getattr(model, model.base_model_prefix)(**inputs).last_hidden_state
        labels_BT = torch.where(inputs["input_ids"] == family.tokenizer.mask_token_id, inputs["input_ids"].flip(0) % 7 + 5, -100)
        loss = model(**inputs, labels=labels_BT).loss
    kept = inputs["attention_mask"].bool()
    mask = family.tokenizer.mask_token
    texts = [text.format(mask=mask) for text in _ENCODED]
    return {
        "inputs": {key: value.tolist() for key, value in inputs.items()},
        "labels": labels_BT.tolist(),
        "loss": number(loss.item()),
        # Of the tokens that are no padding, row by row.
        "lastHiddenState": to_base64(states_BTH[kept]),
        "logits": to_base64(logits_BTV[kept]),
        "encodings": [_encoding(family.tokenizer, text) for text in texts],
    }


def _inputs(family: Family, generator: torch.Generator) -> dict[str, Tensor]:
    """Three rows, one of them padded; two segments where the model tells them apart."""
    tokenizer = family.tokenizer
    ids_BT = torch.randint(5, len(tokenizer) - 1, (3, _T), generator=generator)
    mask_BT = torch.ones_like(ids_BT)
    ids_BT[:, 0], ids_BT[:, -1], ids_BT[:, 3], ids_BT[0, 7] = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id, tokenizer.mask_token_id
    ids_BT[1, 9], ids_BT[1, 10:], mask_BT[1, 10:] = tokenizer.sep_token_id, tokenizer.pad_token_id, 0
    inputs = {"input_ids": ids_BT, "attention_mask": mask_BT}
    if getattr(family.config, "type_vocab_size", 0) < 2:
        return inputs
    types_BT = torch.zeros_like(ids_BT)
    types_BT[:, 6:] = mask_BT[:, 6:]
    return {**inputs, "token_type_ids": types_BT}


def _encoding(tokenizer: PreTrainedTokenizerFast, text: str) -> dict[str, Any]:
    encoding = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    return {"text": text, "ids": encoding["input_ids"], "offsets": [list(span) for span in encoding["offset_mapping"]]}
