"""Loads a Hugging Face folder as BertForMaskedLM and prints what it predicts.

    python hf_load.py FOLDER [--text "the [MASK] sea"]

FOLDER holds config.json, model.safetensors and tokenizer.json. Prints one JSON object: the keys that did not fit, the
encoded text, the logits at each [MASK] over the whole vocabulary, and the attention-masked mean and [CLS] embeddings.
Exits with 1 when a key is missing, unexpected or of another shape.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from transformers import BertForMaskedLM, PreTrainedTokenizerFast

from recorder.tensors import to_json


def main() -> int:
    parser = argparse.ArgumentParser(description="Loads a Hugging Face folder as BertForMaskedLM and prints what it predicts.")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--text", default="the [MASK] sea")
    arguments = parser.parse_args()

    model, loading = BertForMaskedLM.from_pretrained(arguments.folder, output_loading_info=True, attn_implementation="eager")
    model.eval()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(arguments.folder / "tokenizer.json"))
    encoded = tokenizer(arguments.text, return_tensors="pt")
    ids_T = encoded["input_ids"][0]
    tokens = tokenizer.convert_ids_to_tokens(ids_T.tolist())
    # By name: a bare tokenizer.json does not say which of its special tokens is the mask.
    masked = [position for position, token in enumerate(tokens) if token == "[MASK]"]
    with torch.no_grad():
        output = model(input_ids=ids_T[None], attention_mask=encoded["attention_mask"], output_hidden_states=True)
    hidden_TH = output.hidden_states[-1][0]
    logits_MV = output.logits[0][masked]
    misfits = {name: sorted(str(key) for key in loading[name]) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    report = {
        "missingKeys": misfits["missing_keys"],
        "unexpectedKeys": misfits["unexpected_keys"],
        "mismatchedKeys": misfits["mismatched_keys"],
        "inputIds": ids_T.tolist(),
        "tokens": tokens,
        "maskPositions": masked,
        "topTokens": [tokenizer.convert_ids_to_tokens(row.topk(5).indices.tolist()) for row in logits_MV],
        "logits": to_json(logits_MV),
        "meanPooled": to_json(hidden_TH.mean(0)),
        "cls": to_json(hidden_TH[0]),
    }
    print(json.dumps(report))
    return 1 if any(misfits.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
