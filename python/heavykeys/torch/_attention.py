"""lev_attention: attention restricted to a few keys of each head, with gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

import heavykeys
from heavykeys.torch._function import Attend, Options
from heavykeys.torch._sets import Sets, choose, key_sets

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def lev_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sets: Sets | None = None,
    *,
    epsilon: float | None = None,
    budget: int | None = None,
    score: str = "softmax",
    scale: float | None = None,
    causal: bool = False,
    sinks: int = 0,
    window: int = 0,
    normalise: str = "attended",
    layout: str = "bhsd",
    block_rows: int = 128,
    threads: int = 0,
) -> Tensor:
    """out_i = sum_j A_ij v_j over attended keys, A_ij = f(x_ij) / sum f, x_ij = scale q_i.k_j.

    Shapes, layout "bhsd" ("bshd": axes 1 and 2 exchanged):
        q [B, Hq, m, d], k [B, Hkv, n, d], v [B, Hkv, n, dv] -> [B, Hq, m, dv]
    Hq a multiple of Hkv: query head h reads KV head h // (Hq / Hkv).

    Which keys, exactly one of
        sets     heavykeys.KeySets, or rows or a mask for each KV head (Sets)
        epsilon  the universal set: every key that some query could give a
                 weight >= epsilon; with causal, that of every prefix, renewed
                 every block_rows keys (docs/theory.md, T1, T5, T6). For
                 softmax that of x^2, a heuristic (T9)
        budget   the `budget` keys of greatest leverage in each head. They are
                 chosen among ALL keys given, with causal too: a query's result
                 then depends, through the choice, on later keys
    and beside them the first `sinks` keys and the last `window` a query sees.

    score      "softmax", "power:P", "expressive", "polynomial:C0,C1,..."
    scale      None: 1/sqrt(d) for "softmax", 1 for every other score
    causal     query i is at position n - m + i and sees keys up to there
    normalise  "attended", or "all_keys": weights add up over every visible
               key, where the score's sum has a closed form
    threads    0: as many as heavykeys takes by itself

    Gradients go to q, k and v; the choice of keys is a constant. They can be
    taken once. Tensors are read in place, whatever their strides; under
    autocast they are first cast, as torch's own attention does. A query that
    no key has weight for gets zeros. Cost: O(m |U| (d + dv)) a query head.
    Raises heavykeys.InvalidInput for arguments that do not belong together.
    """
    if sum(x is not None for x in (sets, epsilon, budget)) != 1:
        raise heavykeys.InvalidInput("give exactly one of sets, epsilon and budget")
    if layout not in ("bhsd", "bshd"):
        raise heavykeys.InvalidInput(f"layout: '{layout}' is neither bhsd nor bshd")
    q, k, v = _autocast(q, k, v)
    _check(q, k, v)
    if scale is None:
        scale = 1 / math.sqrt(k.shape[3]) if score == "softmax" else 1.0
    options = Options(score, scale, causal, sinks, window, normalise, threads, layout)
    if layout == "bshd":
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    out: Tensor = _attend(q, k, v, sets, epsilon, budget, block_rows, options)
    return out.transpose(1, 2) if layout == "bshd" else out


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sets: Sets | None,
    epsilon: float | None,
    budget: int | None,
    block_rows: int,
    options: Options,
) -> Tensor:
    """What torch.compile leaves as it is: calls of the library, all of axes bhsd."""
    q, k, v = q.resolve_neg(), k.resolve_neg(), v.resolve_neg()
    if sets is None:
        sets = choose(k, epsilon, budget, options.score, options.causal, block_rows)
    chosen = key_sets(sets, *k.shape[:3])
    out: Tensor = Attend.apply(q, k, v, chosen, options)  # type: ignore[no-untyped-call]
    return out


def _autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    if not torch.is_autocast_enabled("cpu"):
        return tensors
    dtype = torch.get_autocast_dtype("cpu")
    return tuple(t if t.dtype == torch.float64 else t.to(dtype) for t in tensors)


def _check(q: Tensor, k: Tensor, v: Tensor) -> None:
    """What the library could not say in PyTorch's words."""
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        if tensor.device.type != "cpu":
            raise heavykeys.InvalidInput(
                f"{name} is on {tensor.device}; lev_attention works on CPU tensors"
            )
        if tensor.dtype not in FLOATS or tensor.dtype != q.dtype:
            raise heavykeys.InvalidInput(
                f"{name} is {tensor.dtype} and q {q.dtype}; wanted one dtype of {FLOATS}"
            )
        if tensor.ndim != 4:
            raise heavykeys.InvalidInput(f"{name} is {tuple(tensor.shape)}; wanted four axes")
