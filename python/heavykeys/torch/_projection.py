"""The parameters of nn.MultiheadAttention, under its names."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import heavykeys


class Projections(nn.Module):
    """in_proj and out_proj as nn.MultiheadAttention has them, made in its order: equal seeds
    give equal weights."""

    # nn.TransformerEncoderLayer in eval mode would read the weights and compute full
    # attention itself, past forward(). This it takes for a reason not to.
    _qkv_same_embed_dim = False

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        bias: bool,
        kdim: int | None,
        vdim: int | None,
        batch_first: bool,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise heavykeys.InvalidInput(
                f"embed_dim {embed_dim} does not divide into {num_heads} heads"
            )
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        widths = (embed_dim, self.kdim, self.vdim)
        like = {"device": device, "dtype": dtype}
        if widths == (embed_dim,) * 3:
            self.in_proj_weight = nn.Parameter(torch.empty((3 * embed_dim, embed_dim), **like))
            for name in "qkv":
                self.register_parameter(f"{name}_proj_weight", None)
        else:
            self.register_parameter("in_proj_weight", None)
            for name, width in zip("qkv", widths):
                weight = nn.Parameter(torch.empty((embed_dim, width), **like))
                self.register_parameter(f"{name}_proj_weight", weight)
        if bias:
            self.in_proj_bias = nn.Parameter(torch.empty(3 * embed_dim, **like))
        else:
            self.register_parameter("in_proj_bias", None)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias, **like)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in self._weights():
            nn.init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            nn.init.zeros_(self.in_proj_bias)
            nn.init.zeros_(self.out_proj.bias)

    def _weights(self) -> list[Tensor]:
        if self.in_proj_weight is not None:
            return [self.in_proj_weight]
        return [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]

    def project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """[B, L, width] each -> [B, L, embed_dim] each."""
        weights = self._weights()
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        if query is key and key is value and len(weights) == 1:
            return nn.functional.linear(query, weights[0], self.in_proj_bias).chunk(3, -1)
        if len(weights) == 1:
            weights = list(weights[0].chunk(3))
        rows = (query, key, value)
        return tuple(nn.functional.linear(*x) for x in zip(rows, weights, biases))


def heads_of(rows: Tensor, heads: int) -> Tensor:
    """[B, L, embed_dim] -> [B, L, H, head_dim], a view."""
    return rows.view(*rows.shape[:-1], heads, rows.shape[-1] // heads)
