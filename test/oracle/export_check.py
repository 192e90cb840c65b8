"""Does what `objective-lab export` wrote open in transformers and sentence-transformers, and give the numbers of its own ONNX file?

    export_check.py FOLDER [--generate TEXT EXPECTED]

Prints what it found as JSON. Exits with 1 when a weight is missing or unexpected, or a number differs by more than 1e-4. `--generate` holds greedy
generation against what `objective-lab generate` wrote.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import transformers

TEXTS = ["The old captain watched the whale at dawn.", "A gull.", "Our ship followed the grey sea without a word, and the mate called."]
TOLERANCE = 1e-4


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--generate", nargs=2, metavar=("TEXT", "EXPECTED"))
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    config = json.loads((folder / "config.json").read_text())
    name = config["architectures"][0]
    without_pooler = {"add_pooling_layer": False} if name == "BertModel" else {}
    model, loading = getattr(transformers, name).from_pretrained(folder, output_loading_info=True, **without_pooler)
    model.eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    report: dict[str, Any] = {"class": name, **{key: sorted(map(str, loading[key])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")}}
    # transformers gives the encoder a pooler that nothing reads.
    report["missing_keys"] = [key for key in report["missing_keys"] if not key.startswith("encoder.pooler.")]
    faults = bool(report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"])
    batch = tokenizer(TEXTS, return_tensors="pt", padding=True)
    onnx = next(folder.glob("onnx/*.onnx"), None)
    if onnx:
        session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
        feeds = {each.name: batch.get(each.name, torch.zeros_like(batch["input_ids"])).numpy() for each in session.get_inputs()}
        ours = dict(zip([each.name for each in session.get_outputs()], session.run(None, feeds)))
        kept = batch["attention_mask"].bool().numpy()
        for output, theirs in their_outputs(model, batch).items():
            if output in ours:
                report[f"{output} differs by"] = float(np.abs(ours[output] - theirs)[kept].max())
                faults |= report[f"{output} differs by"] > TOLERANCE
        if (folder / "modules.json").exists():
            report["sentence vectors differ by"] = sentence_difference(folder, ours["last_hidden_state"], kept)
            faults |= report["sentence vectors differ by"] > TOLERANCE
    if arguments.generate:
        text, expected = arguments.generate
        report["generated"] = generate(model, tokenizer, text)
        report["expected"] = expected
        faults |= "".join(report["generated"].split()) != "".join(expected.split())
    print(json.dumps(report, indent=2))
    return int(faults)


def their_outputs(model: Any, batch: Any) -> dict[str, np.ndarray]:
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        encoder = model.encoder if model.config.is_encoder_decoder else getattr(model, model.base_model_prefix, model)
        outputs = {"last_hidden_state": encoder(**inputs).last_hidden_state.numpy()}
        if model.config.model_type == "bert":
            result = model(**inputs)
            logits = getattr(result, "prediction_logits", getattr(result, "logits", None))
            if logits is not None and logits.dim() == 3:
                outputs["logits"] = logits.numpy()
    return outputs


def sentence_difference(folder: Path, states: np.ndarray, kept: np.ndarray) -> float:
    from sentence_transformers import SentenceTransformer

    sentences = SentenceTransformer(str(folder), device="cpu")
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    mask = kept[:, :, None]
    ours = states[:, 0] if pooling["pooling_mode_cls_token"] else (states * mask).sum(1) / mask.sum(1)
    return float(np.abs(sentences.encode(TEXTS) - ours).max())


def generate(model: Any, tokenizer: Any, text: str) -> str:
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=True)["input_ids"]
    if model.config.is_encoder_decoder:
        written = model.generate(ids, max_new_tokens=24, do_sample=False, num_beams=1)[0]
    else:
        # A causal model goes on from the beginning: without the [SEP] at its end.
        start = ids[:, :-1]
        written = model.generate(start, max_new_tokens=24, do_sample=False, eos_token_id=tokenizer.sep_token_id)[0, start.shape[1] :]
    around = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id}
    return tokenizer.decode([each for each in written.tolist() if each not in around])


if __name__ == "__main__":
    sys.exit(main())
