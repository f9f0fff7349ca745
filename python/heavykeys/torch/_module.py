"""LevAttention: multi-head attention over a few keys of each head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import heavykeys
from heavykeys.torch._attention import lev_attention
from heavykeys.torch._projection import Projections, heads_of
from heavykeys.torch._sets import Sets, choose, key_sets, without


class LevAttention(Projections):
    """In the place of nn.MultiheadAttention: its constructor, parameters, state_dict and forward.

    Weights trained in one load into the other. What differs:

    * which keys, exactly one of
        epsilon  every key that some query could give a weight >= epsilon
        budget   the keys of greatest leverage, so many in each head
        select   a function of the keys [B, H, n, head_dim] that returns sets
                 (lev_attention)
      and `sinks`, `window`, `score`, `scale`, `normalise`, `causal`, `block_rows`,
      `threads` as in lev_attention. They are chosen anew at every call, from the keys of the
      call, and may be changed at any time: attributes of the same names.
    * weights are never formed: no need_weights, no dropout of weights.
    * attn_mask must be the causal one, or none.

    Shapes as there: [B, L, embed_dim] with batch_first, else [L, B, embed_dim];
    or [L, embed_dim].
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        epsilon: float | None = None,
        budget: int | None = None,
        select: Callable[[Tensor], Sets] | None = None,
        score: str = "softmax",
        scale: float | None = None,
        causal: bool = False,
        sinks: int = 0,
        window: int = 0,
        normalise: str = "attended",
        block_rows: int = 128,
        threads: int = 0,
    ) -> None:
        if dropout or add_bias_kv or add_zero_attn:
            raise heavykeys.InvalidInput(
                "LevAttention has no dropout of weights, add_bias_kv or add_zero_attn"
            )
        if sum(x is not None for x in (epsilon, budget, select)) != 1:
            raise heavykeys.InvalidInput("give exactly one of epsilon, budget and select")
        super().__init__(embed_dim, num_heads, bias, kdim, vdim, batch_first, device, dtype)
        self.epsilon, self.budget, self.select = epsilon, budget, select
        self.score, self.scale, self.causal = score, scale, causal
        self.sinks, self.window = sinks, window
        self.normalise, self.block_rows, self.threads = normalise, block_rows, threads

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, None]:
        """(output, None). key_padding_mask [B, S]: True, or -inf, at keys that are not there."""
        if need_weights:
            raise heavykeys.InvalidInput(
                "need_weights=True: LevAttention never forms the weights; pass need_weights=False"
            )
        batched = query.ndim == 3
        if not batched:
            query, key, value = (t.unsqueeze(0) for t in (query, key, value))
        elif not self.batch_first:
            query, key, value = (t.transpose(0, 1) for t in (query, key, value))
        causal = self.causal or is_causal or attn_mask is not None
        if attn_mask is not None:
            _require_causal(attn_mask, query.shape[1], key.shape[1])
        q, k, v = (heads_of(t, self.num_heads) for t in self.project(query, key, value))
        out = lev_attention(
            q,
            k,
            v,
            self._sets(k, causal, key_padding_mask),
            score=self.score,
            scale=self.scale,
            causal=causal,
            sinks=self.sinks,
            window=self.window,
            normalise=self.normalise,
            layout="bshd",
            threads=self.threads,
        )
        out = self.out_proj(out.flatten(2))
        if not batched:
            return out.squeeze(0), None
        return (out if self.batch_first else out.transpose(0, 1)), None

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _sets(self, k: Tensor, causal: bool, padding: Tensor | None) -> Sets:
        """Of keys [B, n, H, head_dim]."""
        keys = k.detach().transpose(1, 2)
        if padding is not None:
            if self.sinks or self.window:
                raise heavykeys.InvalidInput("key_padding_mask with sinks or a window")
            padding = padding if padding.dtype == torch.bool else padding == -torch.inf
            padding = padding.reshape(len(keys), -1)
            keys = keys.masked_fill(padding[:, None, :, None], 0.0)  # leverage 0
        if self.select is not None:
            sets = self.select(keys)
        else:
            sets = choose(keys, self.epsilon, self.budget, self.score, causal, self.block_rows)
        if padding is None:
            return sets
        return without(key_sets(sets, *keys.shape[:3]), padding)

    def extra_repr(self) -> str:
        keys = "select" if self.select else f"epsilon={self.epsilon}"
        keys = f"budget={self.budget}" if self.budget is not None else keys
        return f"{self.embed_dim}, {self.num_heads}, {keys}, score={self.score}"


def _require_causal(mask: Tensor, queries: int, keys: int) -> None:
    hidden = mask if mask.dtype == torch.bool else mask == -torch.inf
    rest = torch.zeros(()) if mask.dtype == torch.bool else mask.masked_fill(hidden, 0.0)
    wanted = torch.ones(queries, keys, dtype=torch.bool).triu(keys - queries + 1)
    if hidden.shape != wanted.shape or bool((hidden.cpu() != wanted).any() or rest.any()):
        raise heavykeys.InvalidInput(
            "attn_mask: LevAttention takes the causal mask or none; choose keys with `select`"
        )
