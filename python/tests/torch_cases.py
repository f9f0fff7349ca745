"""Inputs that the tests of heavykeys.torch share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

import heavykeys

SCORES = [
    "softmax",
    "power:1",
    "power:1.5",
    "power:2",
    "power:3",
    "power:4",
    "expressive",
    "polynomial:0.5,1,0.25",
]


@dataclass(frozen=True)
class Mask:
    """Arguments of attention that say who sees what; `prefix`: keys leave (until)."""

    name: str
    causal: bool = False
    sinks: int = 0
    window: int = 0
    prefix: bool = False

    def arguments(self) -> dict:
        return {"causal": self.causal, "sinks": self.sinks, "window": self.window}


MASKS = [
    Mask("none"),
    Mask("sinks, window", sinks=2, window=3),
    Mask("causal", causal=True),
    Mask("causal, sinks, window", causal=True, sinks=2, window=3),
    Mask("prefix", causal=True, prefix=True),
    Mask("prefix, sinks, window", causal=True, sinks=1, window=2, prefix=True),
]


@dataclass
class Case:
    """q [B, Hq, m, d], k [B, Hkv, n, d], v [B, Hkv, n, dv] and lists for every KV head."""

    q: Tensor
    k: Tensor
    v: Tensor
    lists: list[list[int]]
    until: list[list[int]] | None
    sets: heavykeys.KeySets = field(init=False)

    def __post_init__(self) -> None:
        indptr = np.cumsum([0, *map(len, self.lists)])
        until = None if self.until is None else np.concatenate(self.until).astype(np.int64)
        self.sets = heavykeys.KeySets(
            np.concatenate(self.lists).astype(np.int64),
            indptr,
            self.k.shape[2],
            batch=self.k.shape[0],
            heads=self.k.shape[1],
            until=until,
        )

    def in_float64(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.q.double(), self.k.double(), self.v.double()


def strided(tensor: Tensor, layout: str) -> Tensor:
    """The same values, in other memory."""
    if layout == "bshd":
        return tensor.transpose(1, 2).contiguous().transpose(1, 2)
    if layout == "strided":  # columns far apart, rows that do not touch
        b, h, r, c = tensor.shape
        wide = torch.full((h, 2 * c, b, r + 3), float("nan"), dtype=tensor.dtype)
        view = wide.permute(2, 0, 3, 1)[:, :, 1 : r + 1, ::2]
        view.copy_(tensor)
        return view
    return tensor


def case(
    *,
    seed: int = 0,
    batch: int = 2,
    kv_heads: int = 2,
    group: int = 2,
    m: int = 7,
    n: int = 19,
    d: int = 16,
    dv: int | None = None,
    dtype: torch.dtype = torch.float32,
    layout: str = "bhsd",
    mask: Mask = MASKS[0],
) -> Case:
    """Gaussian rows of unit scale; about half of the keys, another list for each head."""
    rng = torch.Generator().manual_seed(seed)
    make = lambda h, rows, width: strided(  # noqa: E731
        torch.randn(batch, h, rows, width, generator=rng, dtype=torch.float64).to(dtype), layout
    )
    q, k = make(kv_heads * group, m, d), make(kv_heads, n, d)
    v = make(kv_heads, n, d + 1 if dv is None else dv)
    random = np.random.default_rng(seed)
    lists = [np.flatnonzero(random.random(n) < 0.5).tolist() for _ in range(batch * kv_heads)]
    lists[-1] = []  # a head may have nothing to attend to but sinks and window
    until = None
    if mask.prefix:
        until = [[int(random.integers(j + 1, n + 4)) for j in keys] for keys in lists]
    return Case(q, k, v, lists, until)


def conditioning(function: Callable[..., Tensor], tensors: Sequence[Tensor]) -> Tensor:
    """How far function(*tensors) moves, row by row, when the tensors (float64) move by eight float32
    roundings: the error that arithmetic in float32 may have anyway, where it is ill conditioned
    (weights |x|^p of products x near 0 that nothing outweighs)."""
    exact = function(*tensors)
    worst = torch.zeros_like(exact)
    rng = torch.Generator().manual_seed(11)
    for _ in range(8):
        moved = [
            t * (1 + 2.0**-21 * (2 * torch.rand(t.shape, generator=rng, dtype=t.dtype) - 1).sign())
            for t in tensors
        ]
        worst = torch.maximum(worst, (function(*moved) - exact).abs())
    return worst.amax(-1, keepdim=True)
