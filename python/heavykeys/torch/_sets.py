"""Key sets from what PyTorch programs hold: tensors and lists of key rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import numpy as np
import torch
from torch import Tensor

import heavykeys
from heavykeys import KeySets

Sets = Union[KeySets, Tensor, Sequence[Sequence[int]]]
"""Which keys each (batch, KV head) attends to:

KeySets
bool [B, Hkv, n]   True: the key is attended to
int [B, Hkv, c]    rows, any order, as of topk
B * Hkv sequences  rows, any order; sequence b * Hkv + h
"""


def key_sets(sets: Sets, batch: int, heads: int, n: int) -> KeySets:
    """`sets` as KeySets of batch x heads lists over n keys."""
    if isinstance(sets, KeySets):
        return sets
    if isinstance(sets, Tensor):
        lists = _of_tensor(sets.detach(), batch, heads, n)
    else:
        lists = [np.unique(np.asarray(rows, dtype=np.int64)) for rows in sets]
        if len(lists) != batch * heads:
            raise heavykeys.InvalidInput(f"sets: {len(lists)} lists for {batch} x {heads} heads")
    indptr = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(rows) for rows in lists], out=indptr[1:])
    return KeySets(np.concatenate(lists), indptr, n, batch=batch, heads=heads)


def _of_tensor(sets: Tensor, batch: int, heads: int, n: int) -> list[np.ndarray]:
    last = n if sets.dtype == torch.bool else sets.shape[-1] if sets.ndim else 0
    if sets.shape != (batch, heads, last) or sets.dtype.is_floating_point:
        raise heavykeys.InvalidInput(
            f"sets: a tensor {tuple(sets.shape)} of {sets.dtype}; wanted bool "
            f"[{batch}, {heads}, {n}] or int [{batch}, {heads}, any]"
        )
    flat = sets.reshape(batch * heads, last).cpu().numpy()
    if sets.dtype == torch.bool:
        return [np.flatnonzero(row) for row in flat]
    return [np.unique(row.astype(np.int64)) for row in flat]


def choose(
    keys: Tensor,
    epsilon: float | None,
    budget: int | None,
    score: str,
    causal: bool,
    block_rows: int,
) -> KeySets:
    """The keys that attention over `keys` [B, Hkv, n, d] is restricted to.

    budget: those of greatest leverage. epsilon: the universal set of the score,
    of every prefix when causal. Softmax has no universal set smaller than all
    keys (docs/theory.md, T9): it takes that of x^2, as LevAttention's own
    experiments do (arXiv 2410.05462), which is a heuristic there.
    """
    rows = keys.detach()
    if budget is not None:
        return heavykeys.top_keys(rows, budget)
    assert epsilon is not None  # callers have seen to it that one is given
    own = "power:2" if str(score).startswith("softmax") else score
    if causal:
        return heavykeys.prefix_keys(rows, epsilon, own, block_rows=block_rows)
    return heavykeys.universal_keys(rows, epsilon, own)


def without(sets: KeySets, hidden: Tensor) -> KeySets:
    """`sets` less the keys that are True in hidden [B, n]."""
    indptr, keys = sets.indptr, sets.keys
    lists = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    stays = ~hidden.cpu().numpy()[lists // sets.heads, keys]
    kept = np.zeros_like(indptr)
    np.cumsum(np.bincount(lists[stays], minlength=len(indptr) - 1), out=kept[1:])
    return KeySets(
        keys[stays],
        kept,
        sets.key_count,
        batch=sets.batch,
        heads=sets.heads,
        until=sets.until[stays] if len(sets.until) else None,
    )
