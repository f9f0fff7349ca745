"""KeyStream: which keys of a growing KV cache can be heavy, token by token."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import heavykeys
from heavykeys import KeySets


class KeyStream:
    """Follows the keys of a KV cache, one heavykeys.Sketch for each (batch, KV head).

    At every moment `current()` holds each key that some query could give a
    weight >= epsilon among the keys appended so far: the same keys as if all
    had been sketched at once. A key that has left never returns, so the cache
    may drop it (within a part in 2^20 of epsilon it may, until its block of
    block_rows keys is complete: the grid of a block is that of all its keys).
    Memory: O(d^2 + |U| d + block_rows d) a head, whatever the
    length. Softmax has no such set (docs/theory.md, T9): use x^2's as a
    heuristic, with a window.
    """

    def __init__(
        self,
        batch: int,
        kv_heads: int,
        dim: int,
        epsilon: float,
        score: str = "power:2",
        *,
        grid_bits: int | None = None,
        block_rows: int = 4096,
    ) -> None:
        self.batch, self.kv_heads = batch, kv_heads
        self.sketches = [
            heavykeys.Sketch(dim, epsilon, score, grid_bits=grid_bits, block_rows=block_rows)
            for _ in range(batch * kv_heads)
        ]

    def __len__(self) -> int:
        """Keys appended to each head."""
        return self.sketches[0].row_count

    def append(self, keys: Tensor) -> None:
        """Takes the next keys, [B, Hkv, t, d]; t = 1 when decoding. Cost: O(t d^2)
        a head, now and then O(d^3). Raises heavykeys.InvalidInput, nothing
        appended, for another shape, or NaN or Inf."""
        batch, heads, dim = self.batch, self.kv_heads, self.sketches[0].spec.dim
        if keys.ndim != 4 or keys.shape != (batch, heads, keys.shape[2], dim):
            raise heavykeys.InvalidInput(
                f"keys {tuple(keys.shape)} appended to {batch} x {heads} heads of dimension {dim}"
            )
        finite = torch.isfinite(keys)
        if not finite.all():
            where = "batch {}, head {}, row {}, column {}".format(*(~finite).nonzero()[0].tolist())
            raise heavykeys.InvalidInput(f"keys: {where} of what is appended is NaN or Inf")
        rows = keys.detach().cpu().resolve_neg()
        heavykeys.absorb(self.sketches, [head for of_batch in rows for head in of_batch])

    def current(self) -> KeySets:
        """The keys that can be heavy now, for each (batch, KV head); what
        lev_attention takes as `sets`. Cost: O(d^3 + |C| d^2) a head."""
        lists = [self.ids(b, h) for b in range(self.batch) for h in range(self.kv_heads)]
        indptr = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(ids) for ids in lists], out=indptr[1:])
        return KeySets(
            np.concatenate(lists), indptr, len(self), batch=self.batch, heads=self.kv_heads
        )

    def ids(self, batch: int, head: int) -> np.ndarray:
        """int64 [|U|], ascending: those of one head."""
        return self.sketches[batch * self.kv_heads + head].finalize().ids
