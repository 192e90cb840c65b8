"""contrastive.json: NT-Xent, in-batch InfoNCE, alignment and uniformity of pairs of embeddings, in float64."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from recorder.tensors import normal, to_json, write

_N, _D = 5, 8
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
    path = write("contrastive.json", {"cases": cases})
    return f"{path.name}: {len(cases)} cases"


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
