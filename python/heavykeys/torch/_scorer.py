"""LeverageScorer: exact leverage as a score for kits that shrink KV caches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import heavykeys


@dataclass
class LeverageScorer:
    """Scores keys by the greatest attention weight that any query could give them (x^2).

    It has the method `score` of kvpress's ScorerPress, and needs no kvpress:

        @dataclass
        class LeveragePress(LeverageScorer, ScorerPress):
            pass

    keeps the keys of greatest score. By theorem (docs/theory.md, T1), a key
    that such a press drops can reach no greater weight than its score, which is
    at most the least score that is kept. The first `sinks` keys and the last
    `window` score 2, above every leverage, so they stay.
    """

    sinks: int = 0
    window: int = 0

    def score(
        self,
        module: nn.Module | None,
        hidden_states: Tensor | None,
        keys: Tensor,
        values: Tensor | None = None,
        attentions: Tensor | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> Tensor:
        """keys [B, Hkv, S, d] -> float32 [B, Hkv, S], greater: keep. Only the keys are read.

        Leverage to 1e-10, before it is rounded to float32; exact ties stay ties.
        Cost: O(S d^2) a head.
        """
        batch, heads, length, _ = keys.shape
        rows = keys.detach().cpu().resolve_neg()
        scores = torch.empty(batch, heads, length, dtype=torch.float32)
        for b in range(batch):
            for h in range(heads):
                leverage = heavykeys.leverage_scores(rows[b, h])
                scores[b, h] = torch.from_numpy(leverage).to(torch.float32)
        scores[..., : self.sinks] = 2.0
        scores[..., max(0, length - self.window) :] = 2.0
        return scores.to(keys.device)
