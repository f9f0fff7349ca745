"""attend and attend_backward against NumPy, and the sets they are restricted to."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import reference

import heavykeys
from heavykeys import KeySets


def dense(q, k, v, f=np.exp, scale=None, allowed=None):
    """[B, Hq, m, dv]: the definition, every key allowed unless said otherwise ([m, n] or [B, Hkv, m, n])."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    weights = f(scale * np.einsum("bhmd,bhnd->bhmn", q, k))
    if allowed is not None:
        weights = weights * (np.repeat(allowed, group, 1) if allowed.ndim == 4 else allowed)
    total = weights.sum(-1, keepdims=True)
    return np.einsum("bhmn,bhnv->bhmv", np.divide(weights, total, where=total > 0, out=np.zeros_like(weights)), v)


@pytest.fixture
def qkv(rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.standard_normal((2, 4, 9, 6)), rng.standard_normal((2, 2, 15, 6)), rng.standard_normal((2, 2, 15, 5))


def mask_of(sets: KeySets, m: int) -> np.ndarray:
    mask = np.zeros((sets.batch, sets.heads, m, sets.key_count), bool)
    for b in range(sets.batch):
        for h in range(sets.heads):
            mask[b, h, :, sets[b, h]] = True
    return mask


SCORES = [
    ("softmax", np.exp, {}),
    ("softmax", np.exp, {"scale": 0.3}),
    ("power:2", np.square, {"scale": 1.0}),
    ("expressive", lambda x: x * x / (1 + x * x), {"scale": 1.0}),
]


@pytest.mark.parametrize("engine", heavykeys.engines())
@pytest.mark.parametrize(("score", "f", "scale"), SCORES)
def test_attend_is_the_definition(qkv, engine: str, score: str, f, scale: dict) -> None:
    q, k, v = qkv
    out = heavykeys.attend(q, k, v, score=score, engine=engine, scale=scale.get("scale"))
    assert out.dtype == np.float64 and out.shape == (2, 4, 9, 5)
    np.testing.assert_allclose(out, dense(q, k, v, f, **scale), rtol=1e-12)
    causal = np.arange(15) <= np.arange(9)[:, None] + 15 - 9
    out = heavykeys.attend(q, k, v, score=score, engine=engine, causal=True, scale=scale.get("scale"))
    np.testing.assert_allclose(out, dense(q, k, v, f, allowed=causal, **scale), rtol=1e-12, atol=1e-14)


def test_without_a_scale_it_is_the_usual_one(qkv) -> None:
    q, k, v = qkv
    np.testing.assert_array_equal(heavykeys.attend(q, k, v), heavykeys.attend(q, k, v, scale=1 / math.sqrt(6)))
    np.testing.assert_array_equal(
        heavykeys.attend(q, k, v, score="power:4"), heavykeys.attend(q, k, v, score="power:4", scale=1.0)
    )


def test_attend_is_restricted_to_sets_sinks_and_window(qkv) -> None:
    q, k, v = qkv
    sets = heavykeys.top_keys(k, 4)
    assert [len(sets[b, h]) for b in range(2) for h in range(2)] == [4] * 4
    allowed = mask_of(sets, 9)
    np.testing.assert_allclose(heavykeys.attend(q, k, v, sets), dense(q, k, v, allowed=allowed), rtol=1e-12)
    position = np.arange(9)[:, None] + 15 - 9
    keys = np.arange(15)
    extra = (keys < 2) | (keys > position - 3)
    out = heavykeys.attend(q, k, v, sets, causal=True, sinks=2, window=3)
    np.testing.assert_allclose(out, dense(q, k, v, allowed=(allowed | extra) & (keys <= position)), rtol=1e-12)


def test_all_keys_are_what_weights_are_among(qkv) -> None:
    q, k, v = qkv
    sets = heavykeys.top_keys(k, 4)
    out = heavykeys.attend(q, k, v, sets, score="power:2", normalise="all-keys")
    scores = np.einsum("bhmd,bhnd->bhmn", q, np.repeat(k, 2, 1)) ** 2
    weights = scores / scores.sum(-1, keepdims=True) * np.repeat(mask_of(sets, 9), 2, 1)
    np.testing.assert_allclose(out, np.einsum("bhmn,bhnv->bhmv", weights, np.repeat(v, 2, 1)), rtol=1e-10)
    with pytest.raises(heavykeys.InvalidInput, match="softmax"):
        heavykeys.attend(q, k, v, sets, normalise="all-keys")
    with pytest.raises(heavykeys.InvalidInput, match="normalise is \"some\""):
        heavykeys.attend(q, k, v, sets, normalise="some")


def test_axes_and_layouts(qkv) -> None:
    q, k, v = (np.ascontiguousarray(a[:, :2]) for a in qkv)
    whole = heavykeys.attend(q, k, v)
    np.testing.assert_array_equal(heavykeys.attend(q[1], k[1], v[1]), whole[1])
    np.testing.assert_array_equal(heavykeys.attend(q[1, 0], k[1, 0], v[1, 0]), whole[1, 0])
    turned = [a.swapaxes(1, 2) for a in (q, k, v)]  # views: [B, n, H, d]
    result = heavykeys.attend(*turned, layout="bshd")
    assert result.shape == (2, 9, 2, 5)
    np.testing.assert_array_equal(result.swapaxes(1, 2), whole)
    result = heavykeys.attend(*(a[1] for a in turned), layout="bshd")
    np.testing.assert_array_equal(result.swapaxes(0, 1), whole[1])
    with pytest.raises(heavykeys.InvalidInput, match="layout is \"sbhd\""):
        heavykeys.attend(q, k, v, layout="sbhd")


def test_out_is_written_in_place(qkv) -> None:
    q, k, v = qkv
    room = np.full((2, 4, 9, 10), 7.0)
    out = room[..., ::2]
    assert heavykeys.attend(q, k, v, out=out) is out
    np.testing.assert_array_equal(out, heavykeys.attend(q, k, v))
    assert (room[..., 1::2] == 7.0).all()
    with pytest.raises(ValueError, match="out: it shares memory with q"):
        heavykeys.attend(q, k, v, out=q[..., ::-1][..., :5])
    frozen = np.empty((2, 4, 9, 5))
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out: it is read-only"):
        heavykeys.attend(q, k, v, out=frozen)
    with pytest.raises(ValueError, match="out: its elements share memory"):
        heavykeys.attend(q, k, v, out=np.lib.stride_tricks.as_strided(np.empty(5), (2, 4, 9, 5), (0, 0, 0, 8)))
    with pytest.raises(ValueError, match="out: shape"):
        heavykeys.attend(q, k, v, out=np.empty((2, 4, 9, 6)))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_other_dtypes(qkv, dtype) -> None:
    q, k, v = (a.astype(dtype) for a in qkv)
    out = heavykeys.attend(q, k, v)
    assert out.dtype == dtype
    wide = dense(*(a.astype(np.float64) for a in (q, k, v)))
    np.testing.assert_allclose(out, wide, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def test_threads_do_not_change_a_byte(rng) -> None:
    q, k, v = (rng.standard_normal((1, 2, 300, 16)).astype(np.float32) for _ in range(3))
    results = {
        heavykeys.attend(q, k, v, causal=True, threads=threads, engine=engine).tobytes()
        for threads in (1, 2, 5)
        for engine in heavykeys.engines()
    }
    assert len(results) == 1


@pytest.mark.parametrize(("score", "f", "scale"), SCORES)
def test_gradients_are_those_of_finite_differences(qkv, rng, score: str, f, scale: dict) -> None:
    q, k, v = qkv
    sets = heavykeys.top_keys(k, 6)
    options = dict(score=score, causal=True, window=1, **scale)
    out, sums = heavykeys.attend(q, k, v, sets, return_sums=True, **options)
    assert sums.sum.shape == sums.shift.shape == (2, 4, 9) and (sums.sum > 0).all()
    grad_out = rng.standard_normal(out.shape)
    gradients = heavykeys.attend_backward(q, k, v, out, sums, grad_out, sets, **options)
    h = 1e-6
    for i, (array, gradient) in enumerate(zip((q, k, v), gradients)):
        assert gradient.shape == array.shape and gradient.dtype == array.dtype
        direction = rng.standard_normal(array.shape)
        losses = []
        for sign in (1, -1):
            moved = [q, k, v]
            moved[i] = array + sign * h * direction
            losses.append((heavykeys.attend(*moved, sets, **options) * grad_out).sum())
        assert (gradient * direction).sum() == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-6)


def test_refusals_name_the_argument(qkv) -> None:
    q, k, v = qkv
    bad = k.copy()
    bad[1, 0, 3, 2] = np.nan
    for arguments, error, text in [
        ((q, k[0], v), ValueError, r"k: its shape is \(2, 15, 6\), but that of q is \(2, 4, 9, 6\)"),
        ((q[0, 0, 0], k, v), ValueError, r"q: its shape is \(6,\)"),
        ((q, k, v.astype(np.int32)), TypeError, "v: .* not int32"),
        ((q, k.astype(np.float32), v), ValueError, "k: float32, but the queries are float64"),
        ((q, k, v[:, :, :14]), ValueError, "v: shape"),
        ((q[:, :3], k, v), ValueError, "q: 3 heads are not a multiple of the 2 of the keys"),
        ((q, bad, v), ValueError, "k: batch 1, head 0: NaN at row 3, column 2"),
        ((q, k, v, [1, 2]), TypeError, "sets: .* not list"),
        ((q, k, v, heavykeys.every_key(2, 2, 14)), ValueError, "sets: 2 x 2 lists over 14 keys"),
    ]:
        with pytest.raises(error, match=text):
            heavykeys.attend(*arguments)
    with pytest.raises(heavykeys.InvalidInput, match="custom:own"):
        heavykeys.attend(q, k, v, score=heavykeys.Score.custom("own", lambda x: x * x, 2))


def test_universal_keys_are_the_sets_of_sketches(rng) -> None:
    keys = reference.integers(rng, (2, 3, 500, 4))
    sets = heavykeys.universal_keys(keys, 0.05, threads=2)
    known = []
    for b in range(2):
        for h in range(3):
            sketch = heavykeys.Sketch(4, 0.05)
            sketch.absorb(keys[b, h])
            known.append(sketch.finalize())
            np.testing.assert_array_equal(sets[b, h], known[-1].ids)
    assert sum(map(len, known)) > 10
    assert heavykeys.key_sets(known, batch=2) == sets
    assert heavykeys.universal_keys(keys.swapaxes(1, 2), 0.05, layout="bshd") == sets
    assert pickle.loads(pickle.dumps(sets)) == sets
    assert (sets.batch, sets.heads, sets.key_count) == (2, 3, 500) and len(sets.until) == 0
    with pytest.raises(IndexError):
        sets[2, 0]
    keys[1, 2, 7, 3] = np.inf
    with pytest.raises(ValueError, match="keys: batch 1, head 2: .*row 7, column 3"):
        heavykeys.universal_keys(keys, 0.05)


def test_prefix_keys_hold_what_any_prefix_needs(rng) -> None:
    keys = reference.integers(rng, (1, 200, 3))
    sets = heavykeys.prefix_keys(keys, 0.1, block_rows=16)
    listed, until = sets[0, 0], sets.until
    for t in range(200):
        begin = t // 16 * 16
        serving = set(listed[(listed <= t) & (until > t)].tolist())
        heavy = set(np.flatnonzero(reference.leverage(keys[0, :begin]) >= 0.1).tolist()) if begin else set()
        assert serving == heavy | set(range(begin, t + 1))


def test_top_keys_are_those_of_greatest_leverage(rng) -> None:
    keys = rng.standard_normal((300, 5))
    best = np.sort(np.argsort(-reference.leverage(keys), kind="stable")[:12])
    np.testing.assert_array_equal(heavykeys.top_keys(keys, 12)[0, 0], best)
    assert heavykeys.top_keys(keys, 1000) == heavykeys.every_key(1, 1, 300)


def test_sets_of_ones_own(qkv) -> None:
    q, k, v = qkv
    sets = KeySets([0, 3, 7, 2, 14], [0, 3, 3, 4, 5], 15, batch=2)
    assert (sets.heads, sets[0, 0].tolist(), sets[0, 1].tolist()) == (2, [0, 3, 7], [])
    np.testing.assert_allclose(
        heavykeys.attend(q, k, v, sets), dense(q, k, v, allowed=mask_of(sets, 9)), rtol=1e-12
    )
    with pytest.raises(ValueError, match="indptr: of length 5; batch"):
        KeySets([0], [0, 1, 1, 1, 1], 15, batch=3)
    with pytest.raises(ValueError, match="indptr: it does not ascend from 0 to the 1 keys there are"):
        KeySets([0], [0, 100], 15)
    with pytest.raises(ValueError, match="until: of length 2, but there are 1 keys"):
        KeySets([0], [0, 1], 15, until=[3, 4])
    with pytest.raises(TypeError, match="keys: a list of integers"):
        KeySets([0.5], [0, 1], 15)
    with pytest.raises(ValueError, match="sets: key 3"):
        heavykeys.attend(q[0, 0], k[0, 0], v[0, 0], KeySets([3, 3], [0, 2], 15))


def test_lists_that_cannot_be_counted_are_refused() -> None:
    with pytest.raises(heavykeys.InvalidInput, match="batch x heads, 3 x 12297829382473034411, is too many"):
        heavykeys.every_key(3, 0xAAAAAAAAAAAAAAAB, 2)  # 1 in 64 bits
    with pytest.raises(heavykeys.InvalidInput, match="batch x heads, 3 x 6148914691236517205, is too many"):
        heavykeys.every_key(3, 0x5555555555555555, 0)  # one more is 0
    with pytest.raises(heavykeys.InvalidInput, match="batch x heads, 4294967296 x 4294967296, is too many"):
        KeySets([], [0], 0, batch=2**32, heads=2**32)
    with pytest.raises(heavykeys.InvalidInput, match="batch x heads, 3 x 6148914691236517205, is too many"):
        KeySets([], [], 0, batch=3, heads=0x5555555555555555)
    with pytest.raises(heavykeys.InvalidInput, match="sets: batch x heads, 4294967296 x 4294967296, is too many"):
        heavykeys.key_sets([], 2**32, 2**32)
    with pytest.raises(heavykeys.InvalidInput, match="key_count: -5 is negative"):
        KeySets([0, 1], [0, 2], -5)
    with pytest.raises(heavykeys.InvalidInput, match="key_count: 9223372036854775808 is too many"):
        heavykeys.every_key(0, 0, 2**63)
    empty = KeySets([], [0], 0, batch=0, heads=3)
    assert empty == heavykeys.every_key(0, 3, 0)
    with pytest.raises(IndexError):
        empty[0, 0]


def test_empty_axes(rng) -> None:
    x = np.zeros((1, 1, 0, 2))
    assert heavykeys.attend(x, x, x).shape == (1, 1, 0, 2)
    q, k, v = rng.standard_normal((3, 4, 5, 6)), rng.standard_normal((3, 2, 7, 6)), rng.standard_normal((3, 2, 7, 8))
    for options in ({}, {"causal": True}, {"score": "power:2", "normalise": "all-keys"}):
        for queries, keys, values in [(q[:, :, :0], k, v), (q[:0], k[:0], v[:0]), (q, k[:, :, :0], v[:, :, :0])]:
            if options.get("causal") and queries.shape[2] > keys.shape[2]:
                continue  # queries before the first key
            out, sums = heavykeys.attend(queries, keys, values, return_sums=True, **options)
            assert out.shape == (*queries.shape[:3], 8) and (out == 0).all()
            gradients = heavykeys.attend_backward(queries, keys, values, out, sums, out, **options)
            for array, gradient in zip((queries, keys, values), gradients):
                assert gradient.shape == array.shape and (gradient == 0).all()
            room = np.empty((*queries.shape[:3], 8))
            assert heavykeys.attend(queries, keys, values, out=room, **options) is room
    for arguments, text in [
        ((q[..., :0], k[..., :0], v), "q: d = 0; it must be in 1 .. 4096"),
        ((q, k, v[..., :0]), "v: dv = 0; it must be in 1 .. 4096"),
        ((q[:, :0], k, v), "q: 0 heads are not a multiple of the 2 of the keys"),
        ((q, k[:, :0], v[:, :0]), "q: 4 heads are not a multiple of the 0 of the keys"),
        ((q[:, :0], k[:, :0], v[:, :0]), "q: 0 heads are not a multiple of the 0 of the keys"),
        ((q[:0], k, v), "k: shape"),
    ]:
        with pytest.raises(heavykeys.InvalidInput, match=text):
            heavykeys.attend(*arguments)
    with pytest.raises(heavykeys.InvalidInput, match="out: shape"):
        heavykeys.attend(x, x, x, out=np.empty((1, 1, 0, 3)))


def test_sums_of_other_queries_are_refused(rng) -> None:
    q, k = rng.standard_normal((2, 4, 3, 6)), rng.standard_normal((2, 2, 15, 6))
    out, sums = heavykeys.attend(q, k, k, return_sums=True)
    turned = q.reshape(2, 2, 6, 6)  # as many queries
    with pytest.raises(
        heavykeys.InvalidInput, match=r"sums: of queries \(2, 4, 3\); those of q are \(2, 2, 6\)"
    ):
        heavykeys.attend_backward(turned, k, k, out.reshape(2, 2, 6, 6), sums, turned)
    one = heavykeys.attend(q[0, 0], k[0, 0], k[0, 0], return_sums=True)
    heavykeys.attend_backward(q[0, 0], k[0, 0], k[0, 0], *one, q[0, 0])
