"""Attention restricted to key sets, written as plainly as can be: the truth of the tests.

float64 PyTorch, every weight of every query formed. It shares nothing with the
library but the definitions of include/heavykeys/attention.hpp; gradients are
autograd's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Lists = Sequence[Sequence[int]]
"""B x Hkv lists of key rows, or of their `until` positions; list b * Hkv + h."""


def every_key(batch: int, heads: int, n: int) -> Lists:
    return [list(range(n))] * (batch * heads)


def terms(x: Tensor, name: str) -> Tensor:
    """f(x) for a score's name; not softmax, whose sums need a shift."""
    kind, _, text = name.partition(":")
    if kind == "power":
        return x.abs() ** float(text)
    if kind == "expressive":
        return x**2 / (1 + x**2)
    if kind == "polynomial":
        numbers = [float(c) for c in text.split(",")]
        return torch.stack([c * x ** (2 * i) for i, c in enumerate(numbers)]).sum(0)
    raise ValueError(f"no score {name}")


def positions(m: int, n: int) -> Tensor:
    """Where the queries stand among the keys: the last query sees the last key."""
    return torch.arange(n - m, n)


def visible(m: int, n: int, causal: bool) -> Tensor:
    """[m, n]: which keys a query may see."""
    if not causal:
        return torch.ones(m, n, dtype=torch.bool)
    return torch.arange(n)[None] <= positions(m, n)[:, None]


def attended(
    m: int,
    n: int,
    keys: Sequence[int],
    until: Sequence[int] | None,
    causal: bool,
    sinks: int,
    window: int,
) -> Tensor:
    """[m, n]: which keys a query attends to, for one KV head."""
    row, where = torch.arange(n), positions(m, n)
    chosen = torch.zeros(m, n, dtype=torch.bool)
    for index, key in enumerate(keys):
        serves = torch.ones(m, dtype=torch.bool)
        if until is not None:
            serves = (where >= key) & (where < until[index])
        chosen[:, key] |= serves
    chosen[:, : min(sinks, n)] = True
    last = where if causal else torch.full((m,), n - 1)
    recent = (row[None] > last[:, None] - window) & (row[None] <= last[:, None])
    return (chosen | recent) & visible(m, n, causal)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    lists: Lists,
    *,
    until: Lists | None = None,
    score: str = "softmax",
    scale: float = 1.0,
    causal: bool = False,
    sinks: int = 0,
    window: int = 0,
    normalise: str = "attended",
) -> Tensor:
    """q [B, Hq, m, d], k [B, Hkv, n, d], v [B, Hkv, n, dv] -> [B, Hq, m, dv]; all float64."""
    batch, kv_heads, n = k.shape[:3]
    group, m = q.shape[1] // kv_heads, q.shape[2]
    out = []
    for b in range(batch):
        for h in range(q.shape[1]):
            which = b * kv_heads + h // group
            mask = attended(
                m, n, lists[which], until[which] if until else None, causal, sinks, window
            )
            x = scale * (q[b, h] @ k[b, h // group].T)
            out.append(
                _weights(x, mask, visible(m, n, causal), score, normalise) @ v[b, h // group]
            )
    return torch.stack(out).reshape(batch, q.shape[1], m, v.shape[3])


def _weights(x: Tensor, mask: Tensor, seen: Tensor, score: str, normalise: str) -> Tensor:
    """[m, n], from the products; 0 where nothing has weight."""
    kind, _, own = score.partition(":")
    counted = mask if normalise == "attended" else seen
    if kind == "softmax":
        x = x * float(own or 1.0)
        shift = x.detach().masked_fill(~counted, -torch.inf).amax(1, keepdim=True)
        shift = shift.masked_fill(~counted.any(1, keepdim=True), 0.0)
        f = torch.exp(x.masked_fill(~counted, -torch.inf) - shift)
    else:
        f = terms(x, score)
    sums = (f * counted).sum(1, keepdim=True)
    return torch.where(sums > 0, f * mask / torch.where(sums > 0, sums, 1.0), 0.0)
