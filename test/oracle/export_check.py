"""Does what `objective-lab export` wrote open in transformers and sentence-transformers, and give the numbers of its own ONNX files?

    export_check.py FOLDER [--generate TEXT EXPECTED]

Prints what it found as JSON. Exits with 1 when a weight is missing or unexpected, a token is another, or a number differs by more than 1e-4.
`--generate` holds greedy generation against what `objective-lab generate` wrote.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tokenizers
import torch
import transformers

TEXTS = ["The old captain watched the whale at dawn.", "A gull.", "Our ship followed the grey sea without a word, and the mate called."]
HARD_TEXTS = ["Café, naïve — “quoted” 1851; don’t!", "鯨 whale 🐋 [MASK]", "  spaces\tand\nlines ", "", "[CLS] written [SEP]"]
TOLERANCE = 1e-4
# Texts and tokens of each.
SHAPES = [(1, 1), (1, 5), (2, 8), (3, 17), (5, 32), (1, 64)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--generate", nargs=2, metavar=("TEXT", "EXPECTED"))
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    config = json.loads((folder / "config.json").read_text())
    name = config["architectures"][0]
    pooler = any("pooler" in key for key in _keys(folder))
    without_pooler = {"add_pooling_layer": False} if name in ("BertModel", "MPNetModel") and not pooler else {}
    model, loading = getattr(transformers, name).from_pretrained(folder, output_loading_info=True, **without_pooler)
    model.eval()
    report: dict[str, Any] = {"class": name, **{key: sorted(map(str, loading[key])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")}}
    # transformers gives the encoder a pooler that nothing reads; the model card says so.
    report["missing_keys"] = [key for key in report["missing_keys"] if not key.startswith("encoder.pooler.")]
    faults = [key for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[key]]

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    plain = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    report["tokenized otherwise"] = [text for text in TEXTS + HARD_TEXTS if tokenizer(text)["input_ids"] != plain.encode(text).ids]
    faults += report["tokenized otherwise"]

    differences: dict[str, float] = {}
    for path in sorted(folder.glob("onnx/*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for shape in SHAPES:
            for output, difference in compare(path.name, session, model, *shape).items():
                differences[f"{path.name} {output}"] = max(difference, differences.get(f"{path.name} {output}", 0.0))
    if (folder / "modules.json").exists():
        differences["sentence vectors"] = sentence_difference(folder, tokenizer)
    report["differs by"] = differences
    faults += [output for output, difference in differences.items() if not difference <= TOLERANCE]

    if arguments.generate:
        text, expected = arguments.generate
        report["generated"], report["expected"] = generate(model, tokenizer, text, len(plain.encode(expected, add_special_tokens=False).ids)), expected
        if "".join(report["generated"].split()) != "".join(expected.split()):
            faults.append("generated")
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return int(bool(faults))


def _keys(folder: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as file:
        return list(file.keys())


def compare(file: str, session: onnxruntime.InferenceSession, model: Any, batch: int, length: int) -> dict[str, float]:
    """The largest difference of each output from transformers', at random tokens with random padding."""
    torch.manual_seed(length)
    encoder = model.encoder if model.config.is_encoder_decoder else getattr(model, model.base_model_prefix, model)
    ids_BT = torch.randint(5, encoder.config.vocab_size, (batch, length))
    lengths_B1 = torch.randint(1, length + 1, (batch, 1))
    mask_BT = (torch.arange(length)[None] < lengths_B1).long()
    types_BT = (torch.arange(length)[None] >= length // 2).long().expand(batch, -1)
    kept = mask_BT.bool().numpy()
    with torch.no_grad():
        if file == "decoder_model.onnx":
            # The decoder reads random states, three tokens more than it writes.
            states = torch.randn(batch, min(length + 3, 64), encoder.config.hidden_size)
            seen = (torch.arange(states.shape[1])[None] < lengths_B1).long()
            result = model.decoder(input_ids=ids_BT, encoder_hidden_states=states, encoder_attention_mask=seen)
            feeds = {"input_ids": ids_BT, "encoder_hidden_states": states, "encoder_attention_mask": seen}
            theirs, kept = {"logits": result.logits}, np.ones_like(kept)
        else:
            inputs = {"input_ids": ids_BT, "attention_mask": mask_BT, "token_type_ids": types_BT}
            feeds = dict(inputs)
            if encoder.config.model_type == "mpnet":
                # It has no token types.
                inputs.pop("token_type_ids")
                feeds["token_type_ids"] = torch.zeros_like(ids_BT)
            theirs = {"last_hidden_state": encoder(**inputs).last_hidden_state}
            result = None if model.config.is_encoder_decoder else model(**inputs)
            logits = getattr(result, "prediction_logits", getattr(result, "logits", None))
            # Those over the vocabulary: of every token.
            if logits is not None and logits.dim() == 3:
                theirs["logits"] = logits
    outputs = dict(zip([each.name for each in session.get_outputs()], session.run(None, {key: value.numpy() for key, value in feeds.items()})))
    assert outputs.keys() == theirs.keys(), (outputs.keys(), theirs.keys())
    return {output: float(np.abs(outputs[output] - theirs[output].numpy())[kept].max()) for output in outputs}


def sentence_difference(folder: Path, tokenizer: Any) -> float:
    """Sentence vectors against those pooled from our ONNX file."""
    from sentence_transformers import SentenceTransformer

    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
    batch = tokenizer(TEXTS, return_tensors="np", padding=True)
    feeds = {each.name: batch.get(each.name, np.zeros_like(batch["input_ids"])) for each in session.get_inputs()}
    states = session.run(["last_hidden_state"], feeds)[0]
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    mask = batch["attention_mask"][:, :, None]
    ours = states[:, 0] if pooling["pooling_mode_cls_token"] else (states * mask).sum(1) / mask.sum(1)
    return float(np.abs(SentenceTransformer(str(folder), device="cpu").encode(TEXTS) - ours).max())


def generate(model: Any, tokenizer: Any, text: str, tokens: int) -> str:
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    # A causal model goes on from the beginning: without the [SEP] at its end.
    start = ids if model.config.is_encoder_decoder else ids[:, :-1]
    written = model.generate(start, max_new_tokens=max(1, tokens), do_sample=False, num_beams=1)[0]
    if not model.config.is_encoder_decoder:
        written = written[start.shape[1] :]
    around = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id}
    return tokenizer.decode([each for each in written.tolist() if each not in around])


if __name__ == "__main__":
    sys.exit(main())
