"""KeyStream: the set at every token is the set of sketching at once."""

import need_torch  # noqa: F401  # isort: skip

import heavykeys
import numpy as np
import pytest
import torch
from heavykeys.torch import KeyStream, lev_attention


def at_once(keys, epsilon, score, **spec):
    sketch = heavykeys.Sketch(keys.shape[1], epsilon, score, **spec)
    sketch.absorb(keys)
    return sketch.finalize().ids.tolist()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("score", ["power:2", "power:4", "expressive"])
def test_every_step_equals_sketching_at_once(score, dtype):
    epsilon = 0.3
    rng = torch.Generator().manual_seed(1)
    cache = torch.randn(2, 2, 70, 4, generator=rng, dtype=torch.float64)
    cache[0, 0, 30] *= 20  # an outlier, and rows that nothing else answers for
    cache[1, 1, :, 3] = 0
    cache[1, 1, 41, 3] = 1e-3
    cache = cache.to(dtype)
    stream = KeyStream(2, 2, 4, epsilon, score, block_rows=16)
    sizes = set()
    for step in range(70):
        stream.append(cache[:, :, step : step + 1])
        assert len(stream) == step + 1
        for b in range(2):
            for h in range(2):
                ids = stream.ids(b, h).tolist()
                seen = cache[b, h, : step + 1]
                assert ids == at_once(seen, epsilon, score, block_rows=16)
                sizes.add(len(ids))
    assert 41 in stream.ids(1, 1)
    assert len(sizes) > 2


def test_a_prompt_then_tokens():
    cache = torch.randn(1, 3, 50, 8)
    whole, parts = (KeyStream(1, 3, 8, 0.25) for _ in range(2))
    whole.append(cache)
    # A cache that grows in place: rows far apart, the new one a view of it.
    buffer = torch.zeros(1, 50, 3, 16)[..., :8].transpose(1, 2)
    for begin, end in ((0, 33), *((i, i + 1) for i in range(33, 50))):
        buffer[:, :, begin:end] = cache[:, :, begin:end]
        parts.append(buffer[:, :, begin:end])
    for h in range(3):
        assert np.array_equal(parts.ids(0, h), whole.ids(0, h))
    assert parts.current() == whole.current()


def test_a_key_that_left_never_returns():
    stream = KeyStream(1, 1, 3, 0.2)
    rng = torch.Generator().manual_seed(4)
    gone, before = set(), set()
    for step in range(200):
        stream.append(torch.randn(1, 1, 1, 3, generator=rng))
        now = set(stream.ids(0, 0).tolist())
        gone |= before - now
        assert not gone & now
        assert now <= before | {step}
        before = now
    assert gone


def test_current_is_what_attention_takes():
    stream = KeyStream(2, 2, 8, 0.2)
    k, v = torch.randn(2, 2, 60, 8), torch.randn(2, 2, 60, 5)
    stream.append(k)
    q = torch.randn(2, 6, 1, 8)
    lists = [stream.ids(b, h).tolist() for b in range(2) for h in range(2)]
    settings = {"score": "power:2", "causal": True, "window": 4}
    out = lev_attention(q, k, v, stream.current(), **settings)
    assert torch.equal(out, lev_attention(q, k, v, lists, **settings))


def test_before_the_first_key():
    stream = KeyStream(1, 2, 4, 0.2)
    assert len(stream) == 0
    assert stream.ids(0, 1).tolist() == []
    assert len(stream.current().keys) == 0


def test_bad_keys_change_nothing():
    stream = KeyStream(1, 2, 4, 0.2)
    stream.append(torch.randn(1, 2, 5, 4))
    bad = torch.randn(1, 2, 3, 4)
    bad[0, 1, 2, 3] = float("inf")
    with pytest.raises(heavykeys.InvalidInput, match="batch 0, head 1, row 2, column 3"):
        stream.append(bad)
    for shape in ((1, 3, 1, 4), (2, 4), (1, 2, 1, 5)):
        with pytest.raises(heavykeys.InvalidInput, match="appended"):
            stream.append(torch.randn(shape))
    assert [s.row_count for s in stream.sketches] == [5, 5]
