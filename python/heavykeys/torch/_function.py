"""The autograd function: heavykeys.attend forward, heavykeys.attend_backward back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import heavykeys
from heavykeys import KeySets


@dataclass(frozen=True)
class Options:
    score: str
    scale: float
    causal: bool
    sinks: int
    window: int
    normalise: str
    threads: int
    layout: str  # of the memory of what is made here; the arguments are bhsd views

    def keywords(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "scale": self.scale,
            "causal": self.causal,
            "sinks": self.sinks,
            "window": self.window,
            "normalise": self.normalise,
            "threads": self.threads,
        }


def _new(like: Tensor, dim: int, layout: str) -> Tensor:
    """An empty [B, H, rows, dim] with the shape of `like` and memory in the order of `layout`."""
    batch, heads, rows, _ = like.shape
    if layout == "bshd":
        return like.new_empty((batch, rows, heads, dim)).transpose(1, 2)
    return like.new_empty((batch, heads, rows, dim))


class Attend(torch.autograd.Function):
    """q [B, Hq, m, d], k [B, Hkv, n, d], v [B, Hkv, n, dv] -> [B, Hq, m, dv]."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, sets: KeySets, options: Options
    ) -> Tensor:
        out = _new(q.detach(), v.shape[3], options.layout)
        _, sums = heavykeys.attend(
            q.detach(),
            k.detach(),
            v.detach(),
            sets,
            out=out,
            return_sums=True,
            **options.keywords(),
        )
        ctx.save_for_backward(q, k, v, out)
        ctx.sets, ctx.options, ctx.sums = sets, options, sums
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out = ctx.saved_tensors
        options = ctx.options
        with torch.no_grad():
            grads = heavykeys.attend_backward(
                q.detach(),
                k.detach(),
                v.detach(),
                out.detach(),
                ctx.sums,
                grad_out.detach().resolve_neg(),
                ctx.sets,
                **options.keywords(),
            )
        if torch.is_grad_enabled():  # create_graph: somebody may differentiate again
            grads = tuple(_Once.apply(g, q, k, v, grad_out) for g in grads)  # type: ignore[no-untyped-call]
        return (*grads, None, None)


class _Once(torch.autograd.Function):
    """The identity, which says so when it is differentiated.

    torch's once_differentiable does not where grad_out is a constant: the second derivative would
    silently be zero.
    """

    @staticmethod
    def forward(ctx: Any, grad: Tensor, *depends_on: Tensor) -> Tensor:
        return grad.view_as(grad)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> None:
        raise RuntimeError("lev_attention can be differentiated once, not twice")
