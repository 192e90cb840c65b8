"""The training step in PyTorch, on Hugging Face's BertForMaskedLM, or that of bert.py where transformers is not installed. ../README.md describes the protocol.

FORM is `eager` or `compiled`, then `slots` (the head on the masked positions alone) or `full` (on every position, labels -100 elsewhere).
DEVICE is `cpu` or `cuda`; PRECISION is `fp32`, `tf32` (CUDA's float32 products on tensor cores), or `bf16` (autocast).
"""

import json
import os
import sys
import time
from math import ceil, prod
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

try:
    import transformers
except ImportError:
    transformers = None
    import bert

mode, head = os.environ["FORM"].split("-")
threads = int(os.environ["THREADS"])
torch.set_num_threads(threads)
device = os.environ.get("DEVICE", "cpu")
precision = os.environ.get("PRECISION", "fp32")
torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
autocast = torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")

folder = Path(sys.argv[1])
workload = json.loads((folder / "workload.json").read_text())
batch_size, length, slots = (workload["shape"][key] for key in ("batch", "length", "slots"))
optimiser_options = workload["optimiser"]

if transformers:
    model = transformers.BertForMaskedLM(transformers.BertConfig.from_dict(workload["config"]))
else:
    model = bert.BertForMaskedLM(workload["config"])
file = folder / "weights.bin"
weights = torch.from_file(str(file), size=file.stat().st_size // 4, dtype=torch.float32)
state = {p["name"]: weights[p["offset"] : p["offset"] + prod(p["shape"])].view(p["shape"]) for p in workload["parameters"]}
missing, unexpected = model.load_state_dict(state, strict=False)
# The decoder's weight and bias are tied to the word embeddings and to the head's bias.
assert not unexpected and all(name.startswith("cls.predictions.decoder.") for name in missing), (missing, unexpected)
if transformers:
    model.tie_weights()
model.to(device).train()

parameters = list(model.parameters())
optimiser = torch.optim.AdamW(
    [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": optimiser_options["weightDecay"]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ],
    lr=optimiser_options["learningRate"],
    betas=(optimiser_options["beta1"], optimiser_options["beta2"]),
    eps=optimiser_options["epsilon"],
    fused=True,
)


def tensors(batch):
    """Input ids [B, T]; labels [B·S] with the rows of [B·T, H] that they are for, or labels [B·T] with -100 where there is none."""
    input_ids = torch.tensor(batch["inputIds"], device=device).view(batch_size, length)
    positions = torch.tensor(batch["slots"], device=device).view(batch_size, slots)
    rows = (positions + length * torch.arange(batch_size, device=device)[:, None]).flatten()
    labels = torch.tensor(batch["labels"], device=device)
    if head == "slots":
        return input_ids, rows, labels
    return input_ids, rows, torch.full_like(input_ids.flatten(), -100).index_copy(0, rows, labels)


def loss_of(input_ids, rows, labels):
    hidden = model.bert(input_ids=input_ids).last_hidden_state.flatten(0, 1)
    return cross_entropy(model.cls(hidden if head == "full" else hidden.index_select(0, rows)), labels)


if mode == "compiled":
    loss_of = torch.compile(loss_of)


batches = [tensors(batch) for batch in workload["batches"]]
count = 0


def step():
    """One optimiser step on the next batch; its loss is still on the device."""
    global count
    optimiser.zero_grad(set_to_none=True)
    with autocast:
        loss = loss_of(*batches[count % len(batches)])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, optimiser_options["gradientClip"])
    optimiser.step()
    count += 1
    return loss


def timed(steps):
    """The mean milliseconds of steps one after another, and the last one's loss, which waits for the device."""
    start = time.perf_counter()
    for _ in range(steps):
        loss = step()
    loss = loss.item()
    return {"ms": 1000 * (time.perf_counter() - start) / steps, "loss": loss, "steps": steps}


def say(**message):
    print(json.dumps(message), flush=True)


versions = {"torch": torch.__version__, "python": sys.version.split()[0]}
if transformers:
    versions["transformers"] = transformers.__version__
say(ready=True, name=f"pytorch {mode} {head}", versions=versions, threads=torch.get_num_threads())
for line in sys.stdin:
    word, *rest = line.split()
    if word == "quit":
        break
    last = timed(1)
    if word == "seconds":
        last = timed(ceil(1000 * float(rest[0]) / last["ms"]))
    say(**last)
