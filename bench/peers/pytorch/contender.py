"""The training step in PyTorch, on Hugging Face's BertForMaskedLM. ../README.md describes the protocol.

FORM is `eager` or `compiled`, then `slots` (the head on the masked positions alone) or `full` (on every position, labels -100 elsewhere).
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from torch.nn.functional import cross_entropy

mode, head = os.environ["FORM"].split("-")
threads = int(os.environ["THREADS"])
torch.set_num_threads(threads)

folder = Path(sys.argv[1])
workload = json.loads((folder / "workload.json").read_text())
batch_size, length, slots = (workload["shape"][key] for key in ("batch", "length", "slots"))
optimiser_options = workload["optimiser"]

model = transformers.BertForMaskedLM(transformers.BertConfig.from_dict(workload["config"]))
weights = torch.from_numpy(np.fromfile(folder / "weights.bin", dtype="<f4"))
state = {
    p["name"]: weights[p["offset"] : p["offset"] + int(np.prod(p["shape"]))].view(p["shape"]) for p in workload["parameters"]
}
missing, unexpected = model.load_state_dict(state, strict=False)
# The decoder's weight and bias are tied to the word embeddings and to the head's bias.
assert not unexpected and all(name.startswith("cls.predictions.decoder.") for name in missing), (missing, unexpected)
model.tie_weights()
model.train()

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
    """Input ids [B, T]; labels [B·S] with the rows of [B·T, H] that they are for, or labels [B, T] with -100 where there is none."""
    input_ids = torch.tensor(batch["inputIds"]).view(batch_size, length)
    positions = torch.tensor(batch["slots"]).view(batch_size, slots)
    rows = (positions + length * torch.arange(batch_size)[:, None]).flatten()
    labels = torch.tensor(batch["labels"])
    if head == "slots":
        return input_ids, rows, labels
    return input_ids, rows, torch.full((batch_size * length,), -100).index_copy(0, rows, labels).view(batch_size, length)


def loss_of(input_ids, rows, labels):
    if head == "full":
        return model(input_ids=input_ids, labels=labels).loss
    hidden = model.bert(input_ids=input_ids).last_hidden_state
    return cross_entropy(model.cls(hidden.flatten(0, 1).index_select(0, rows)), labels)


if mode == "compiled":
    loss_of = torch.compile(loss_of)


def step(batch):
    optimiser.zero_grad(set_to_none=True)
    loss = loss_of(*batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, optimiser_options["gradientClip"])
    optimiser.step()
    return loss.item()


def say(**message):
    print(json.dumps(message), flush=True)


batches = [tensors(batch) for batch in workload["batches"]]
versions = {"torch": torch.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]}
say(ready=True, name=f"pytorch {mode} {head}", versions=versions, threads=torch.get_num_threads())
count = 0
for line in sys.stdin:
    if line.strip() == "quit":
        break
    start = time.perf_counter()
    loss = step(batches[count % len(batches)])
    say(ms=1000 * (time.perf_counter() - start), loss=loss)
    count += 1
