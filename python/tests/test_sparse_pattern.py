"""Planted attention from Python: the definition in NumPy, what patterns may be, and the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from optional import need

import heavykeys
from heavykeys import SparsePattern


def attention(planted) -> np.ndarray:
    logits = planted.queries @ planted.keys.T
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def dense_of(pattern) -> np.ndarray:
    dense = np.zeros(pattern.shape)
    dense[np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)), pattern.indices] = pattern.normalised()
    return dense


@pytest.mark.parametrize("nonzeros", [1, 2, 4])
def test_planted_attention_is_the_pattern(nonzeros: int) -> None:
    pattern = heavykeys.random_pattern(200, nonzeros, 8.0, seed=nonzeros)
    assert len(pattern) == 200 * nonzeros and pattern.shape == (200, 200)
    planted = heavykeys.plant(pattern, failure=1e-4, seed=3)
    assert planted.dim == planted.bound == heavykeys.planted_dim(pattern, failure=1e-4)
    assert planted.queries.shape == planted.keys.shape == (200, planted.dim)
    assert planted.epsilon2 == pytest.approx(1 / 20_000) and not planted.queries.flags.writeable
    a, m = attention(planted), dense_of(pattern)
    found = heavykeys.verify_pattern(pattern, planted.queries, planted.keys)
    assert found.meets(planted.epsilon1, planted.epsilon2)
    assert found.max_error == pytest.approx(np.abs(a - m).max(), rel=1e-6, abs=4 * found.logit_error)
    assert found.off_support == pytest.approx(a[m == 0].max(), rel=1e-9)
    assert found.least_planted == pytest.approx(a[m > 0].min(), rel=1e-9)
    assert found.off_support_mass <= 0.01 and found.ratio_error < 1e-9
    heavy = heavykeys.scan(planted.keys, planted.queries, found.separating_epsilon, "softmax")
    assert np.array_equal(heavy.indptr, pattern.indptr) and np.array_equal(heavy.keys, pattern.indices)


def test_projections_are_fixed() -> None:
    planted = heavykeys.plant(np.array([[0, 2.0, 1.0], [1.0, 0, 0]]), dim=6)
    x, w_q, w_k = planted.inputs(), planted.query_projection(), planted.key_projection()
    assert x.shape == (3, 12) and w_q.shape == w_k.shape == (12, 6)
    assert np.array_equal((x @ w_q)[:2], planted.queries) and np.array_equal(x @ w_k, planted.keys)
    other = heavykeys.plant(heavykeys.random_pattern(20, 3, 2.0), dim=6)
    assert np.array_equal(other.query_projection(), w_q) and np.array_equal(other.key_projection(), w_k)


def test_patterns_from_dense_arrays_parts_and_scipy(rng) -> None:
    dense = np.where(rng.random((30, 40)) < 0.08, rng.uniform(1, 3, (30, 40)), 0)
    dense[np.arange(30), np.arange(30)] = 1
    first = heavykeys.plant(dense, seed=5, dim=64)
    rows, columns = np.nonzero(dense)
    parts = SparsePattern(np.searchsorted(rows, np.arange(31)).astype(np.int32), columns.astype(np.uint16),
                          dense[rows, columns], dense.shape)
    assert np.array_equal(heavykeys.plant(parts, seed=5, dim=64).keys, first.keys)
    assert np.array_equal(heavykeys.plant(parts, seed=5, dim=64).queries, first.queries)
    assert not np.array_equal(heavykeys.plant(parts, seed=6, dim=64).queries, first.queries)
    assert repr(SparsePattern.of(dense)) == f"heavykeys.SparsePattern({len(rows)} entries of 30 x 40)"
    scipy = need("scipy.sparse")
    sparse = scipy.csr_array(dense)
    assert np.array_equal(heavykeys.plant(sparse, seed=5, dim=64).queries, first.queries)
    with pytest.raises(heavykeys.InvalidInput, match="csc"):
        heavykeys.plant(sparse.tocsc())


def test_integers_and_booleans_are_patterns() -> None:
    want = SparsePattern.of(np.eye(10))
    for dtype in (int, bool, np.uint8, np.float32):
        assert SparsePattern.of(np.eye(10, dtype=dtype)) == want
        assert SparsePattern(np.arange(11), np.arange(10), np.ones(10, dtype), (10, 10)) == want
    assert SparsePattern.of(np.array([[2, 0], [1, 3]])).values.tolist() == [2.0, 1.0, 3.0]
    assert np.array_equal(heavykeys.plant(np.eye(10, dtype=int)).queries, heavykeys.plant(want).queries)


def test_equality() -> None:
    dense = np.array([[1.0, 0, 2], [0, 1, 0]])
    pattern = SparsePattern.of(dense)
    assert pattern == SparsePattern.of(dense) and pattern == SparsePattern.of(pattern)
    assert pattern != SparsePattern.of(2 * dense) and pattern != SparsePattern.of(dense[:, ::-1])
    assert pattern != "pattern" and pattern != None  # noqa: E711
    with pytest.raises(TypeError, match="unhashable"):
        hash(pattern)


def test_forged_sizes() -> None:
    with pytest.raises(heavykeys.InvalidInput, match="18446744073709551615 rows need one more"):
        SparsePattern([], [], [], (2**64 - 1, 1))
    with pytest.raises(heavykeys.InvalidInput, match="at most 2\\^32"):
        SparsePattern([0, 1], [0], [1.0], (1, 2**61))
    wide = SparsePattern([0, 1], [2**32 - 1], [1.0], (1, 2**32))
    for construction in ("interpolating", "svd"):
        with pytest.raises(heavykeys.InvalidInput, match="4294967296"):
            heavykeys.plant(wide, construction=construction)
    with pytest.raises(heavykeys.InvalidInput, match="2\\^26 rows"):
        heavykeys.random_pattern(2**62)

    class Csr:
        indptr, indices, data, format = [0, 1], [0], [1.0], "csr"

        def __init__(self, shape) -> None:
            self.shape = shape

    assert SparsePattern.of(Csr((1, 2))).shape == (1, 2)
    for shape in (None, (1,), (1, -2), "ab"):
        with pytest.raises(TypeError, match="its shape is"):
            SparsePattern.of(Csr(shape))


def test_rounding_of_long_rows_is_reported(rng) -> None:
    q, k = rng.standard_normal((2, 3, 4))
    logits = q @ k.T
    # The pattern is what float64 makes of the attention: perfect, but for the columns that cancel.
    for length in (0.0, 1e4, 1e7):
        ends = np.full((3, 1), length)
        long_q, long_k = np.hstack([q, ends, ends]), np.hstack([k, ends, -ends])
        pattern = np.exp(long_q @ long_k.T)
        truth = logits - np.log(pattern)
        found = heavykeys.verify_pattern(pattern, long_q, long_k)
        assert found.ratio_error >= np.expm1(np.ptp(truth, axis=1).max()) - 1e-12
        assert found.logit_error == pytest.approx(
            9 * 2**-53 * np.prod([np.linalg.norm(x, axis=1).max() for x in (long_q, long_k)]), rel=1e-3)
    ends = np.full((3, 1), 3e8)
    with pytest.raises(heavykeys.InvalidInput, match="a float64 logit may be off by"):
        heavykeys.verify_pattern(np.ones((3, 3)), np.hstack([q, ends, ends]), np.hstack([k, ends, -ends]))


def test_svd_and_search() -> None:
    pattern = heavykeys.random_pattern(40, 2, 4.0)
    planted = heavykeys.plant(pattern, construction="svd")
    assert planted.exact and planted.dim <= 40 < planted.bound
    assert heavykeys.verify_pattern(pattern, planted.queries, planted.keys).meets(0.1, planted.epsilon2 * (1 + 1e-9))
    least = heavykeys.smallest_dim(pattern, 2)
    assert 2 < least < heavykeys.planted_dim(pattern)
    for seed in range(2):
        planted = heavykeys.plant(pattern, dim=least, seed=seed)
        assert heavykeys.verify_pattern(pattern, planted.queries, planted.keys).meets(0.1, planted.epsilon2)
    small = heavykeys.plant(pattern, dim=4)
    found = heavykeys.verify_pattern(pattern, small.queries, small.keys)
    assert not found.meets(0.1, small.epsilon2) and found.separating_epsilon is None


@pytest.mark.parametrize("engine", heavykeys.engines())
def test_same_bytes(engine: str) -> None:
    pattern = heavykeys.random_pattern(100, 3, 5.0, seed=1)
    planted = heavykeys.plant(pattern)
    alone = heavykeys.verify_pattern(pattern, planted.queries, planted.keys, engine="streaming")
    found = heavykeys.verify_pattern(pattern, planted.queries, planted.keys, engine=engine, threads=2 if engine != "streaming" else 0)
    for name in ("ratio_error", "off_support", "least_planted", "off_support_mass", "max_error", "logit_error", "separating_epsilon"):
        assert getattr(found, name) == getattr(alone, name)
    single = heavykeys.verify_pattern(pattern, planted.queries.astype(np.float32), planted.keys.astype(np.float32))
    assert single.ratio_error > alone.ratio_error and single.meets(0.1, planted.epsilon2)


def test_refusals() -> None:
    for bad, words in [
        (np.array([[1.0, -1.0]]), "row 0, column 1 is -1"),
        (np.array([[1.0, np.nan]]), "row 0, column 1 is nan"),
        (np.array([[1.0], [0.0]]), "row 1 is empty"),
        (np.ones(3), "axes|shape"),
    ]:
        with pytest.raises(heavykeys.InvalidInput, match=words):
            heavykeys.plant(bad)
    with pytest.raises(TypeError, match="pattern"):
        heavykeys.plant([[1.0]])
    with pytest.raises(TypeError, match="indices"):
        SparsePattern([0, 1], [0.5], [1.0], (1, 1))
    with pytest.raises(heavykeys.InvalidInput, match="column 3: there are 2"):
        SparsePattern([0, 1], [3], [1.0], (1, 2))
    pattern = heavykeys.random_pattern(8, 2, 2.0)
    for arguments, words in [
        ({"construction": "magic"}, "magic"),
        ({"epsilon1": -1.0}, "epsilon1 is -1"),
        ({"epsilon2": 0.0}, "epsilon2 is 0"),
        ({"failure": 2.0}, "failure is 2"),
        ({"dim": 1}, "dimension 1"),
        ({"logit": 1e-3}, "logit"),
    ]:
        with pytest.raises(heavykeys.InvalidInput, match=words):
            heavykeys.plant(pattern, **arguments)
    with pytest.raises(heavykeys.InvalidInput, match=r"queries \(7, 3\)"):
        heavykeys.verify_pattern(pattern, np.ones((7, 3)), np.ones((8, 3)))
