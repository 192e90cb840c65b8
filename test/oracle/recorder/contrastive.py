"""contrastive.json: NT-Xent, InfoNCE, CoSENT and what is made of them, alignment, uniformity and retrieval of embeddings, in float64."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from recorder.tensors import normal, to_json, write

_N, _D = 5, 8
_QUEUE = 7
_SEED = 3


def nt_xent(first_ND: Tensor, second_ND: Tensor, temperature: float) -> Tensor:
    """Chen et al. 2020, equation 1: each of the 2N views against its partner and 2N-2 negatives; the mean over all views."""
    views = F.normalize(torch.cat([first_ND, second_ND]))
    itself = torch.eye(len(views), dtype=torch.bool)
    similarities = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
    partner = torch.arange(len(views)).roll(len(first_ND))
    return F.cross_entropy(similarities, partner)


def info_nce(first_ND: Tensor, second_ND: Tensor, temperature: float) -> Tensor:
    """Gao et al. 2021 (SimCSE), equation 1: row i of the first view against all N rows of the second; the mean over rows."""
    similarities = F.normalize(first_ND) @ F.normalize(second_ND).T / temperature
    return F.cross_entropy(similarities, torch.arange(len(first_ND)))


def alignment(first_ND: Tensor, second_ND: Tensor) -> Tensor:
    """Wang & Isola 2020 with alpha = 2: the mean squared distance of the positives, on the unit sphere."""
    return (F.normalize(first_ND) - F.normalize(second_ND)).norm(dim=1).pow(2).mean()


def uniformity(embeddings_ND: Tensor) -> Tensor:
    """Wang & Isola 2020 with t = 2: the log of the mean of exp(-2 distance²) over all distinct pairs, on the unit sphere."""
    return torch.pdist(F.normalize(embeddings_ND)).pow(2).mul(-2).exp().mean().log()


def record() -> str:
    """Records two pairs of views, unrelated ones and close ones, each at two temperatures."""
    generator = torch.Generator().manual_seed(_SEED)
    unrelated = (normal(generator, _N, _D), normal(generator, _N, _D))
    anchor = normal(generator, _N, _D)
    close = (anchor, torch.round(anchor + normal(generator, _N, _D, scale=0.3), decimals=4))
    cases = [
        _record_case(f"{name}, temperature {temperature}", *views, temperature)
        for name, views in {"unrelated views": unrelated, "close views": close}.items()
        for temperature in (0.05, 0.5)
    ]
    objectives = [_record_objective(generator, name, options) for name, options in _OBJECTIVES.items()]
    path = write("contrastive.json", {"cases": cases, "objectives": objectives})
    return f"{path.name}: {len(cases) + len(objectives)} cases"


def _record_case(name: str, first: Tensor, second: Tensor, temperature: float) -> dict[str, Any]:
    assert torch.allclose(nt_xent(first, second, temperature), _nt_xent_by_the_formula(first, second, temperature), rtol=1e-12)
    return {
        "name": name,
        "temperature": temperature,
        "first": to_json(first),
        "second": to_json(second),
        "ntXent": _loss_and_gradients(nt_xent, first, second, temperature),
        "infoNce": _loss_and_gradients(info_nce, first, second, temperature),
        "alignment": alignment(first, second).item(),
        "uniformity": {
            "first": uniformity(first).item(),
            "second": uniformity(second).item(),
            "both": uniformity(torch.cat([first, second])).item(),
        },
    }


def _loss_and_gradients(
    loss_of: Callable[[Tensor, Tensor, float], Tensor], first: Tensor, second: Tensor, temperature: float
) -> dict[str, Any]:
    leaves = [first.clone().requires_grad_(), second.clone().requires_grad_()]
    loss = loss_of(leaves[0], leaves[1], temperature)
    gradients = torch.autograd.grad(loss, leaves)
    return {"loss": loss.item(), "gradients": [to_json(gradient) for gradient in gradients]}


def _nt_xent_by_the_formula(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    views = [*first, *second]
    n = len(first)

    def likeness(i: int, k: int) -> Tensor:
        return torch.exp(torch.dot(views[i], views[k]) / (views[i].norm() * views[k].norm()) / temperature)

    terms = []
    for i in range(2 * n):
        others = sum(likeness(i, k) for k in range(2 * n) if k != i)
        terms.append(-torch.log(likeness(i, (i + n) % (2 * n)) / others))
    return torch.stack(terms).mean()


_TABLE = {"file": "rows.csv", "a": "a", "b": "b"}
_PAIRS = {"from": "pairs", **_TABLE}
_TRIPLETS = {"from": "triplets", "file": "rows.csv", "anchor": "a", "positive": "b", "negative": "c"}
_SCORED = {"from": "scored", **_TABLE, "score": "score"}

# Options of the lab's objective by the name of the case. `logScale` is the learned parameter's value, `freshQueue` a queue that is not yet full.
_OBJECTIVES: dict[str, dict[str, Any]] = {
    "nt-xent": {},
    "nt-xent of pairs, dot product": {"positives": _PAIRS, "loss": "nt-xent", "similarity": "dot", "temperature": 0.7},
    "nt-xent with a queue": {"queue": _QUEUE},
    "nt-xent with a queue, dot product": {"queue": _QUEUE, "similarity": "dot", "temperature": 2.0},
    "nt-xent with a queue that fills": {"queue": _QUEUE, "freshQueue": True},
    "nt-xent with a queue shorter than a batch": {"queue": 3},
    "nt-xent with a learned temperature": {"learnTemperature": True, "logScale": math.log(4)},
    "nt-xent with a learned temperature at its limit": {"learnTemperature": True, "logScale": math.log(150)},
    "info-nce": {"positives": _PAIRS},
    "info-nce of two views, dot product": {"loss": "info-nce", "similarity": "dot", "temperature": 1.5},
    "info-nce with hard negatives": {"positives": _TRIPLETS, "temperature": 0.2},
    "info-nce with hard negatives and a queue": {"positives": _TRIPLETS, "temperature": 0.2, "queue": _QUEUE},
    "info-nce with hard negatives, dot product": {"positives": _TRIPLETS, "temperature": 1.0, "similarity": "dot"},
    "info-nce with a queue that fills": {"positives": _PAIRS, "queue": _QUEUE, "freshQueue": True, "temperature": 1.0},
    "info-nce with a learned temperature and a queue": {"positives": _PAIRS, "learnTemperature": True, "logScale": math.log(9), "queue": _QUEUE},
    "cosent": {"positives": _SCORED},
    "cosent, dot product": {"positives": _SCORED, "similarity": "dot", "temperature": 3.0},
    "cosent with a learned temperature": {"positives": _SCORED, "learnTemperature": True, "logScale": math.log(6)},
    "cosent, matryoshka": {"positives": _SCORED, "matryoshka": [3]},
    "nt-xent, matryoshka": {"matryoshka": [2, 5]},
    "nt-xent, matryoshka with a queue": {"matryoshka": [4], "queue": _QUEUE},
    "info-nce with hard negatives, matryoshka": {"positives": _TRIPLETS, "matryoshka": [1, 4], "temperature": 0.3},
    "nt-xent behind a linear projection": {"projection": "linear"},
    "nt-xent behind two layers, with a queue": {"projection": "mlp", "queue": _QUEUE},
    "info-nce behind two layers, a learned temperature": {
        "positives": _PAIRS,
        "projection": "mlp",
        "learnTemperature": True,
        "logScale": math.log(5),
    },
}


def _record_objective(generator: torch.Generator, name: str, given: dict[str, Any]) -> dict[str, Any]:
    own = {key: given[key] for key in ("logScale", "freshQueue") if key in given}
    options = {key: value for key, value in given.items() if key not in own}
    source = options.get("positives", {}).get("from", "dropout")
    views = 3 if source == "triplets" else 2
    embeddings = normal(generator, views * _N, _D).requires_grad_()
    parameters = _parameters(generator, options, own)
    queue = normal(generator, options["queue"], _D) if "queue" in options else None
    if queue is not None and own.get("freshQueue"):
        queue[3:] = 0
    # Two pairs have the same score: neither should be the more similar one.
    scores = torch.tensor([0.5, 3.0, 1.5, 3.0, 4.5]) if source == "scored" else None
    loss, projected = _objective(options, source, embeddings, parameters, queue, scores)
    leaves = {"embeddings": embeddings, **parameters}
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    remembered = {} if queue is None else {"next": to_json(torch.cat([projected[_N : 2 * _N], queue])[_kept(len(queue))])}
    return {
        "name": name,
        "options": options,
        "embeddings": to_json(embeddings),
        "parameters": {key: to_json(value) for key, value in parameters.items()},
        **({} if queue is None else {"queue": to_json(queue)}),
        **({} if scores is None else {"scores": scores.tolist()}),
        "loss": loss.item(),
        "metrics": _metrics(options, source, embeddings, scores),
        "gradients": {key: to_json(gradient) for key, gradient in zip(leaves, gradients, strict=True)},
        **remembered,
    }


def _kept(size: int) -> Tensor:
    """The newest first, as many as there is room for; the oldest go."""
    newest = min(size, _N)
    return torch.cat([torch.arange(newest), torch.arange(_N, _N + size - newest)])


def _parameters(generator: torch.Generator, options: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Tensor]:
    layers = {"linear": ("0",), "mlp": ("0", "2")}.get(options.get("projection", "none"), ())
    scale = {"contrastive.logit_scale": torch.tensor(own["logScale"], dtype=torch.float64)} if "logScale" in own else {}
    tensors = {"weight": (_D, _D), "bias": (_D,)}
    projection = {
        f"contrastive.projection.{layer}.{part}": normal(generator, *shape, scale=0.5) for layer in layers for part, shape in tensors.items()
    }
    return {name: value.requires_grad_() for name, value in {**scale, **projection}.items()}


def _objective(
    options: Mapping[str, Any], source: str, embeddings: Tensor, parameters: Mapping[str, Tensor], queue: Tensor | None, scores: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The mean of the losses of the whole embedding and of its beginnings, and the embeddings behind the projection."""
    projected = _project(options.get("projection", "none"), embeddings, parameters)
    learned = parameters.get("contrastive.logit_scale")
    # CLIP's limit of 100 for the learned scale, as a slope that leads back instead of a wall.
    limit = math.log(100)
    limited = None if learned is None else learned.clamp(max=limit) + 0.01 * (learned - limit).relu()
    scale = 1 / options.get("temperature", 0.05) if limited is None else limited.exp()
    losses = []
    for size in (*options.get("matryoshka", []), _D):
        parts = (projected[:, :size], None if queue is None else queue[:, :size])
        texts, memory = parts if options.get("similarity") == "dot" else (None if part is None else F.normalize(part) for part in parts)
        views = texts.split(_N)
        if source == "scored":
            losses.append(_cosent(*views, scores, scale))
        elif options.get("loss", "info-nce" if source in ("pairs", "triplets") else "nt-xent") == "nt-xent":
            itself = torch.eye(len(texts), dtype=torch.bool)
            logits = (scale * texts @ texts.T).masked_fill(itself, -torch.inf)
            losses.append(F.cross_entropy(_with_queue(logits, texts, memory, scale), torch.arange(len(texts)).roll(_N)))
        else:
            logits = scale * views[0] @ torch.cat(views[1:]).T
            losses.append(F.cross_entropy(_with_queue(logits, views[0], memory, scale), torch.arange(_N)))
    return torch.stack(losses).mean(), projected


def _project(kind: str, embeddings: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    def layer(x: Tensor, number: int) -> Tensor:
        return F.linear(x, parameters[f"contrastive.projection.{number}.weight"], parameters[f"contrastive.projection.{number}.bias"])

    if kind == "none":
        return embeddings
    return layer(embeddings, 0).tanh() if kind == "linear" else layer(layer(embeddings, 0).relu(), 2)


def _with_queue(logits: Tensor, anchors: Tensor, memory: Tensor | None, scale: Tensor | float) -> Tensor:
    """Further columns for the remembered texts; a row of zeros is a place that is not filled yet."""
    if memory is None:
        return logits
    filled = memory.ne(0).any(1)
    return torch.cat([logits, scale * anchors @ memory[filled].T], dim=1)


def _cosent(first: Tensor, second: Tensor, scores: Tensor, scale: Tensor | float) -> Tensor:
    likeness = (first * second).sum(1)
    pairs = [(i, j) for i in range(_N) for j in range(_N) if scores[i] > scores[j]]
    return torch.log(1 + sum(torch.exp(scale * (likeness[j] - likeness[i])) for i, j in pairs))


def _metrics(options: Mapping[str, Any], source: str, embeddings: Tensor, scores: Tensor | None) -> dict[str, float]:
    texts = F.normalize(embeddings.detach())
    first, second, *negatives = texts.split(_N)
    if scores is not None:
        likeness = (first * second).sum(1)
        pairs = [(i, j) for i in range(_N) for j in range(_N) if scores[i] > scores[j]]
        return {"order": sum((likeness[i] > likeness[j]).item() for i, j in pairs) / len(pairs)}
    if options.get("loss", "info-nce" if source in ("pairs", "triplets") else "nt-xent") == "nt-xent":
        nearest = (texts @ texts.T - 3 * torch.eye(len(texts))).argmax(1)
        found = nearest == torch.arange(len(texts)).roll(_N)
    else:
        found = (first @ torch.cat([second, *negatives]).T).argmax(1) == torch.arange(_N)
    return {
        "retrieval": found.double().mean().item(),
        "alignment": alignment(first, second).item(),
        "uniformity": uniformity(first).item(),
    }
