"""Covariance and PrincipalComponents against NumPy's dense SVD."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import heavykeys
from heavykeys import Covariance, PrincipalComponents


def decaying(rng, count: int, dim: int) -> np.ndarray:
    mix = rng.standard_normal((dim, dim)) * 2.0 ** (-np.arange(dim) / 3)[:, None]
    return rng.standard_normal((count, dim)) @ mix + 5


def covariance_of(samples: np.ndarray, **spec) -> Covariance:
    covariance = Covariance(samples.shape[1], **spec)
    covariance.absorb(samples)
    return covariance


def test_moments_are_numpys(rng) -> None:
    samples = decaying(rng, 300, 17)
    covariance = covariance_of(samples)
    np.testing.assert_allclose(covariance.mean(), samples.mean(0), rtol=1e-12)
    np.testing.assert_allclose(covariance.element_variances(), samples.var(0), rtol=1e-10)
    np.testing.assert_allclose(covariance.matrix(), np.cov(samples.T, bias=True), rtol=0, atol=1e-10)
    assert (covariance.sample_count, covariance.dim, covariance.sketch_columns) == (300, 17, 0)


@pytest.mark.parametrize("columns", [0, 40])
def test_components_equal_a_dense_svd(rng, columns: int) -> None:
    samples = decaying(rng, 300, 17)
    if columns:  # the same in 60 dimensions, so that a sketch is one
        samples = samples @ np.linalg.qr(rng.standard_normal((60, 17)))[0].T
    found = covariance_of(samples, sketch_columns=columns).principal_components(17)
    _, s, vt = np.linalg.svd(samples - samples.mean(0), full_matrices=False)
    s, vt = s[:17], vt[:17]
    np.testing.assert_allclose(found.variances, s**2 / 300, rtol=0, atol=1e-8 * s[0] ** 2 / 300)
    np.testing.assert_allclose(np.abs(np.sum(found.components[:5] * vt[:5], axis=1)), 1, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.explained_variance(), np.cumsum(s**2) / np.sum(s**2), rtol=0, atol=1e-8)
    assert found.components_for(0.9) == int(np.argmax(np.cumsum(s**2) >= 0.9 * np.sum(s**2))) + 1
    assert len(found) == 17 and found.samples == 300 and found.dim == (60 if columns else 17)
    assert len(covariance_of(samples).principal_components(4)) == 4


@pytest.mark.parametrize("engine", heavykeys.engines())
@pytest.mark.parametrize("columns", [0, 8])
def test_engines_pieces_and_merges_do_not_change_a_byte(rng, engine: str, columns: int) -> None:
    samples = decaying(rng, 500, 40)
    whole = covariance_of(samples, sketch_columns=columns, seed=3)
    pieces = [Covariance(40, sketch_columns=columns, seed=3) for _ in range(2)]
    for begin in range(0, 500, 70):
        pieces[begin // 70 % 2].absorb(samples[begin : begin + 70], threads=2, engine=engine)
    pieces[0].merge(pieces[1])
    assert pieces[0] == whole and pieces[0].to_bytes() == whole.to_bytes()
    assert pieces[1] != whole and whole != "whole"
    for same in (copy.copy(whole), copy.deepcopy(whole), pickle.loads(pickle.dumps(whole)), Covariance.from_bytes(whole.to_bytes())):
        assert same == whole


def test_a_covariance_merged_into_itself_has_all_samples_twice(rng) -> None:
    samples = decaying(rng, 20, 3)
    twice = covariance_of(samples)
    twice.merge(twice)
    assert twice == covariance_of(np.concatenate([samples, samples]))


def test_components_of_ones_own_arrays(rng) -> None:
    components = PrincipalComponents(np.arange(3.0), np.array([4.0, 1]), np.eye(3)[:2], samples=9)
    assert components.total_variance == 5
    np.testing.assert_array_equal(components.element_variances, [4, 1, 0])
    other = pickle.loads(pickle.dumps(components))
    np.testing.assert_array_equal(other.components, np.eye(3)[:2])
    assert (other.samples, other.total_variance, len(other)) == (9, 5, 2)
    with pytest.raises(heavykeys.InvalidInput, match=r"components: of shape \(2, 3\); \[r, p\] is \(3, 3\)"):
        PrincipalComponents(np.zeros(3), np.ones(3), np.eye(3)[:2])
    with pytest.raises(heavykeys.InvalidInput, match="mean: holds NaN"):
        PrincipalComponents(np.full(3, np.nan), np.ones(2), np.eye(3)[:2])


@pytest.mark.parametrize(
    "wrong",
    [
        {"variances": np.array([1.0, 4.0])},
        {"variances": np.array([4.0, -1.0])},
        {"components": np.eye(3)[:, :2]},
        {"total_variance": float("nan")},
        {"total_variance": -1.0},
        {"element_variances": np.array([1.0, 2, -3])},
    ],
)
def test_components_that_cannot_be(wrong: dict) -> None:
    parts = {"mean": np.zeros(3), "variances": np.array([4.0, 1]), "components": np.eye(3)[:2]}
    with pytest.raises(heavykeys.InvalidInput):
        PrincipalComponents(**{**parts, **wrong})


def test_a_covariance_is_not_none_and_has_no_hash() -> None:
    covariance = Covariance(3)
    assert not covariance == None and covariance != None and None not in [covariance]  # noqa: E711
    with pytest.raises(TypeError):
        hash(covariance)


def test_overlap_and_captured_variance(rng) -> None:
    a = covariance_of(decaying(rng, 200, 12)).principal_components()
    samples = decaying(rng, 200, 12)
    b = covariance_of(samples).principal_components()
    assert heavykeys.overlap(a, a, 5) == pytest.approx(1)
    assert heavykeys.overlap(a, b, 5) == pytest.approx(((a.components[:5] @ b.components[:5].T) ** 2).sum() / 5)
    cov = np.cov(samples.T, bias=True)
    captured = np.trace(a.components[:5] @ cov @ a.components[:5].T) / np.trace(cov)
    assert heavykeys.captured_variance(a, 5, b) == pytest.approx(captured)
    with pytest.raises(heavykeys.InvalidInput, match="first 13 of 12"):
        heavykeys.overlap(a, b, 13)


def test_score_matrices(rng) -> None:
    queries = rng.standard_normal((2, 3, 7, 4)).astype(np.float16)
    keys = rng.standard_normal((2, 3, 9, 4)).astype(np.float16)
    scores = queries.astype(float) @ keys.astype(float).swapaxes(-1, -2)
    np.testing.assert_allclose(heavykeys.score_matrices(queries, keys), scores / 2, rtol=0, atol=1e-13)
    np.testing.assert_allclose(heavykeys.score_matrices(queries[0, 0], keys[0, 0], scale=3), 3 * scores[0, 0], rtol=0, atol=1e-12)
    seen = np.tri(7, 9, 2, dtype=bool)
    weights = np.where(seen, np.exp(scores / 2), 0)
    weights /= weights.sum(-1, keepdims=True)
    found = heavykeys.score_matrices(queries, keys, normalisation="softmax", causal=True)
    np.testing.assert_allclose(found, weights, rtol=0, atol=1e-13)
    with pytest.raises(heavykeys.InvalidInput, match="normalisation"):
        heavykeys.score_matrices(queries, keys, normalisation="sigmoid")
    with pytest.raises(heavykeys.InvalidInput, match="2 columns|columns, keys"):
        heavykeys.score_matrices(queries[0, 0], keys[0, 0, :, :2])
    with pytest.raises(heavykeys.InvalidInput, match="for queries of shape"):
        heavykeys.score_matrices(queries, keys[:, :2])


def test_bad_samples(rng) -> None:
    covariance = covariance_of(decaying(rng, 10, 3))
    before = covariance.to_bytes()
    bad = np.zeros((4, 3))
    bad[2, 1] = np.inf
    with pytest.raises(heavykeys.InvalidInput, match="row 2, column 1"):
        covariance.absorb(bad)
    with pytest.raises(heavykeys.InvalidInput, match="4"):
        covariance.absorb(np.zeros((2, 4)))
    with pytest.raises(heavykeys.Incompatible):
        covariance.merge(Covariance(3, sketch_columns=1))
    with pytest.raises(heavykeys.Corrupt):
        Covariance.from_bytes(before[:-1])
    with pytest.raises(heavykeys.InvalidInput, match="no samples"):
        Covariance(3).principal_components()
    with pytest.raises(heavykeys.InvalidInput):
        Covariance(0)
    assert covariance.to_bytes() == before
