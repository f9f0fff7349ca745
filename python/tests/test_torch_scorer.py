"""LeverageScorer, plugged into a press as KV-cache kits make them."""

import need_torch  # noqa: F401  # isort: skip

from dataclasses import dataclass
from types import SimpleNamespace

import heavykeys
import pytest
import torch
from heavykeys.torch import LeverageScorer


@dataclass
class Press:
    """Keeps the keys of greatest score, as kvpress's ScorerPress does."""

    compression_ratio: float = 0.0

    def compress(self, module, hidden_states, keys, values, attentions, kwargs):
        scores = self.score(module, hidden_states, keys, values, attentions, kwargs)
        kept = max(1, int(keys.shape[2] * (1 - self.compression_ratio)))
        indices = scores.topk(kept, dim=-1).indices
        indices = indices.unsqueeze(-1).expand(-1, -1, -1, module.head_dim)
        return keys.gather(2, indices).contiguous(), values.gather(2, indices).contiguous()


@dataclass
class LeveragePress(LeverageScorer, Press):
    pass


def compress(press, keys, values):
    module = SimpleNamespace(head_dim=keys.shape[3])
    return press.compress(module, torch.zeros(2, keys.shape[2], 9), keys, values, None, {})


def test_as_a_press():
    torch.manual_seed(0)
    keys = torch.randn(2, 3, 80, 8)
    values = torch.arange(80.0)[None, None, :, None].expand(2, 3, 80, 8)
    kept_keys, kept = compress(LeveragePress(compression_ratio=0.75), keys, values)
    assert kept.shape == (2, 3, 20, 8)
    chosen = heavykeys.top_keys(keys, 20)
    for index, rows in enumerate(kept[..., 0].flatten(0, 1)):
        assert sorted(rows.int().tolist()) == chosen[divmod(index, 3)].tolist()
        head = keys.flatten(0, 1)[index]
        assert torch.equal(kept_keys.flatten(0, 1)[index], head[rows.int()])


def test_no_query_gives_a_key_more_than_its_score():
    torch.manual_seed(1)
    keys = torch.randn(1, 2, 40, 6, dtype=torch.float64)
    scores = LeverageScorer().score(None, None, keys)
    for h in range(2):
        k = keys[0, h]
        best = torch.linalg.solve(k.T @ k, k.T).T  # of each key: the query that likes it most
        queries = torch.cat([best, torch.randn(500, 6, dtype=torch.float64)])
        weights = (queries @ k.T).square()
        weights /= weights.sum(1, keepdim=True)
        assert (weights.amax(0) <= scores[0, h] * (1 + 1e-6)).all()
        torch.testing.assert_close(weights.diagonal()[:40].float(), scores[0, h], rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_scores_are_leverages(dtype):
    torch.manual_seed(2)
    keys = torch.randn(2, 2, 30, 5).to(dtype)
    scores = LeverageScorer().score(None, None, keys.transpose(2, 3).contiguous().mT)
    assert (scores.shape, scores.dtype) == ((2, 2, 30), torch.float32)
    for b in range(2):
        for h in range(2):
            k = keys[b, h].double()
            wanted = (k * torch.linalg.solve(k.T @ k, k.T).T).sum(1)
            torch.testing.assert_close(scores[b, h].double(), wanted, rtol=1e-5, atol=0)
    torch.testing.assert_close(scores.sum(-1), torch.full((2, 2), 5.0))


def test_sinks_and_window_stay():
    keys = torch.randn(1, 2, 50, 4)
    values = torch.arange(50.0)[None, None, :, None].expand(1, 2, 50, 4)
    press = LeveragePress(compression_ratio=0.8, sinks=3, window=4)
    _, kept = compress(press, keys, values)
    for rows in kept[0, ..., 0]:
        assert {0, 1, 2, 46, 47, 48, 49} <= set(rows.int().tolist())
    scores = press.score(None, None, keys[:, :, :5])
    assert scores.tolist() == [[[2.0] * 5] * 2]  # the window may be all there is
