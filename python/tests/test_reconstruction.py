"""Reconstruction of scores from some of them, against its formulas in NumPy."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import heavykeys
from heavykeys import PrincipalComponents, Reconstructor


def model(rng, p: int, r: int, noise: float) -> tuple[PrincipalComponents, np.ndarray]:
    """Components, and the covariance they stand for."""
    components = np.linalg.qr(rng.standard_normal((p, p)))[0][:r]
    variances = 2.0 * 0.8 ** np.arange(r)
    rest = noise * rng.uniform(1, 2, p)
    covariance = components.T @ np.diag(variances) @ components + np.diag(rest)
    mean = rng.standard_normal(p)
    return PrincipalComponents(mean, variances, components, element_variances=np.diag(covariance)), covariance


def lmmse(covariance: np.ndarray, elements: np.ndarray, ridge: float) -> np.ndarray:
    damped = covariance[np.ix_(elements, elements)] + ridge * np.trace(covariance) / len(covariance) * np.eye(
        len(elements)
    )
    return np.linalg.solve(damped, covariance[elements]).T


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(("p", "r", "s"), [(12, 12, 5), (40, 6, 20), (40, 30, 4), (7, 3, 7)])
@pytest.mark.parametrize("choice", ["pivoted", "random", "strided"])
def test_lmmse_is_its_formula(rng, p: int, r: int, s: int, choice: str) -> None:
    principal, covariance = model(rng, p, r, 0.0 if r == p else 0.1)
    reconstructor = Reconstructor(principal, s, choice=choice, ridge=1e-3, seed=3)
    elements = reconstructor.elements
    assert len(elements) == s and (np.diff(elements) > 0).all()
    assert sorted(heavykeys.choose_elements(principal, s, choice=choice, seed=3)) == elements.tolist()
    partial = rng.standard_normal((9, s))
    expected = principal.mean + (partial - principal.mean[elements]) @ lmmse(covariance, elements, 1e-3).T
    expected[:, elements] = partial
    whole = reconstructor.reconstruct(partial)
    np.testing.assert_allclose(whole, expected, atol=1e-10)
    assert (whole[:, elements] == partial).all()
    for threads in (1, 3):
        assert (reconstructor.reconstruct(partial, threads=threads) == whole).all()
    gain = lmmse(covariance, elements, 1e-3)
    gain[elements] = np.eye(s)
    lost = np.eye(p)
    lost[:, elements] -= gain
    predicted = np.trace(lost @ covariance @ lost.T) / np.trace(covariance)
    assert reconstructor.predicted_error == pytest.approx(predicted, abs=1e-10)


def test_least_squares_is_its_formula(rng) -> None:
    principal, _ = model(rng, 30, 8, 0.05)
    reconstructor = Reconstructor(principal, 12, estimator="least_squares", components=5, ridge=1e-2)
    assert (reconstructor.estimator, reconstructor.components) == ("least-squares", 5)
    e, s = principal.components[:5], reconstructor.elements
    partial = rng.standard_normal((4, 12))
    normal = e[:, s] @ e[:, s].T + 1e-2 * 12 / 30 * np.eye(5)
    fitted = np.linalg.solve(normal, e[:, s] @ (partial - principal.mean[s]).T)
    expected = principal.mean + fitted.T @ e
    expected[:, s] = partial
    np.testing.assert_allclose(reconstructor.reconstruct(partial), expected, atol=1e-10)


def test_error_falls_with_the_share_that_is_computed(rng) -> None:
    samples = (rng.standard_normal((300, 10)) * 0.8 ** np.arange(10)) @ rng.standard_normal((10, 50))
    samples += 0.05 * rng.standard_normal((300, 50))
    covariance = heavykeys.Covariance(50)
    covariance.absorb(samples)
    principal = covariance.principal_components()
    before = 1.0
    for s in (1, 3, 6, 10, 20, 50):
        reconstructor = Reconstructor(principal, s, ridge=0.0)
        mean_squared, relative = reconstructor.error(samples)
        whole = reconstructor.reconstruct(samples[:, reconstructor.elements])
        assert mean_squared == pytest.approx(np.mean((samples - whole) ** 2), rel=1e-9, abs=1e-25)
        total = np.sum((samples - samples.mean(0)) ** 2)
        assert relative == pytest.approx(np.sum((samples - whole) ** 2) / total, rel=1e-9, abs=1e-25)
        assert relative == pytest.approx(reconstructor.predicted_error, abs=1e-9)  # these very samples
        assert relative < before
        before = relative
    assert before == 0


def test_estimates_that_overflow_are_refused() -> None:
    sizes = np.array([1, 1e8, 1e8, -1e8])  # of the one direction in which samples vary
    norm = np.linalg.norm(sizes)
    principal = PrincipalComponents(
        np.zeros(4), np.array([norm**2]), sizes[None] / norm, element_variances=sizes**2
    )
    seeds = (Reconstructor(principal, 1, choice="random", seed=s, ridge=0.0) for s in range(1000))
    reconstructor = next(r for r in seeds if r.elements.tolist() == [0])
    with pytest.raises(heavykeys.InvalidInput, match="partial: row 0: the estimate of element 1 passes float64"):
        reconstructor.reconstruct(np.array([[1e302]]))
    query, keys = np.array([[1e302]]), np.ones((4, 1))
    with pytest.raises(heavykeys.InvalidInput, match="the estimated score of row 0 with key 1 passes float64"):
        heavykeys.attend(query, keys, keys, reconstructor=reconstructor, scale=1.0)
    with pytest.raises(heavykeys.InvalidInput, match="samples: row 1: with it the squares add up to more"):
        reconstructor.error(np.array([[0.0, 0, 0, 0], [0, 1e200, 0, 0]]))


@pytest.mark.parametrize("k", [-600, 600])
def test_the_unit_of_variance_changes_nothing(rng, k: int) -> None:
    principal, _ = model(rng, 12, 12, 0.0)
    scaled = PrincipalComponents(
        principal.mean,
        np.ldexp(principal.variances, k),
        principal.components,
        element_variances=np.ldexp(principal.element_variances, k),
    )
    assert (heavykeys.choose_elements(scaled, 6) == heavykeys.choose_elements(principal, 6)).all()
    for estimator in ("lmmse", "least-squares"):
        assert Reconstructor(scaled, 5, estimator=estimator) == Reconstructor(principal, 5, estimator=estimator)


def cases(rng, sample_queries: int):
    q, k, v = (rng.standard_normal(shape) for shape in [(2, 4, 10, 6), (2, 2, 16, 6), (2, 2, 16, 5)])
    p = 16 * sample_queries
    each = [
        Reconstructor(model(rng, p, 6, 0.1)[0], 7, sample_queries=sample_queries, choice=c)
        for c in ("pivoted", "random", "strided", "pivoted")
    ]
    return q, k, v, each


@pytest.mark.parametrize("sample_queries", [1, 10])
@pytest.mark.parametrize("causal", [False, True])
def test_attend_is_its_definition(rng, sample_queries: int, causal: bool) -> None:
    q, k, v, each = cases(rng, sample_queries)
    for reconstructors in (each[0], each, tuple(each)):
        x = q @ np.repeat(k, 2, 1).swapaxes(-1, -2) / np.sqrt(6)
        for head in range(4):
            r = reconstructors if isinstance(reconstructors, Reconstructor) else reconstructors[head]
            samples = x[:, head].reshape(-1, r.dim)
            x[:, head] = r.reconstruct(samples[:, r.elements]).reshape(2, 10, 16)
        if causal:
            x[..., np.arange(16) > 16 - 10 + np.arange(10)[:, None]] = -np.inf
        expected = softmax(x) @ np.repeat(v, 2, 1)
        out = heavykeys.attend(q, k, v, reconstructor=reconstructors, causal=causal)
        np.testing.assert_allclose(out, expected, atol=1e-12)
        single = [a.astype(np.float32) for a in (q, k, v)]
        narrow = heavykeys.attend(*single, reconstructor=reconstructors, causal=causal)
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, expected, atol=1e-5)
        turned = [np.ascontiguousarray(a.swapaxes(1, 2)) for a in (q, k, v)]
        other = heavykeys.attend(*turned, reconstructor=reconstructors, causal=causal, layout="bshd", threads=2)
        assert (other.swapaxes(1, 2) == out).all()


def test_every_score_computed_is_attention(rng) -> None:
    q, k, v = (rng.standard_normal((9, 4)) for _ in range(3))
    reconstructor = Reconstructor(model(rng, 9, 3, 0.1)[0], 9)
    np.testing.assert_allclose(
        heavykeys.attend(q, k, v, reconstructor=reconstructor), heavykeys.attend(q, k, v), atol=1e-12
    )


def test_it_is_a_value_that_is_saved_and_loaded(rng, tmp_path) -> None:
    principal, _ = model(rng, 20, 5, 0.1)
    options = {"choice": "random", "estimator": "least-squares", "ridge": 0.01, "seed": 5, "sample_queries": 4}
    reconstructor = Reconstructor(principal, 6, **options)
    assert {name: getattr(reconstructor, name) for name in options} == options
    assert reconstructor.dim == 20 and reconstructor.memory_bytes > 8 * 20
    assert (reconstructor.mean == principal.mean).all() and not reconstructor.mean.flags.writeable
    assert repr(reconstructor) == "heavykeys.Reconstructor(6 of 20 elements, random, least-squares)"
    reconstructor.save(tmp_path / "r.hkr")
    data = reconstructor.to_bytes()
    assert (tmp_path / "r.hkr").read_bytes() == data
    for back in (
        Reconstructor.load(tmp_path / "r.hkr"),
        Reconstructor.from_bytes(data),
        pickle.loads(pickle.dumps(reconstructor)),
    ):
        assert back == reconstructor and back.to_bytes() == data
    assert reconstructor != Reconstructor(principal, 7, **options)
    assert reconstructor != "something else"
    with pytest.raises(TypeError):
        hash(reconstructor)
    for damaged in (data[:-1], data + b"x", b"", data[:40] + b"\xff" + data[41:]):
        with pytest.raises(heavykeys.Corrupt):
            Reconstructor.from_bytes(damaged)
    with pytest.raises(heavykeys.InvalidInput, match="state"):
        Reconstructor.__new__(Reconstructor).__setstate__((1, 2))
    with pytest.raises(heavykeys.BackendError, match="nowhere"):
        Reconstructor.load(tmp_path / "nowhere")


def test_what_is_refused(rng) -> None:
    principal, _ = model(rng, 8, 3, 0.1)
    for arguments, text in [
        ({"computed": 0}, "computed: 0 of 8 elements"),
        ({"computed": 9}, "computed: 9 of 8 elements"),
        ({"computed": 2, "choice": "best"}, 'choice is "best"; there are "pivoted", "random", "strided"'),
        ({"computed": 2, "estimator": "mean"}, 'estimator is "mean"'),
        ({"computed": 2, "ridge": 2.0}, "ridge 2"),
        ({"computed": 2, "sample_queries": 3}, "8 elements are not 3 rows"),
        ({"computed": 2, "components": 4}, "4 are asked for and 3 given"),
    ]:
        with pytest.raises(heavykeys.InvalidInput, match=text):
            Reconstructor(principal, **arguments)
    reconstructor = Reconstructor(principal, 2)
    with pytest.raises(heavykeys.InvalidInput, match=r"partial: rows of 3 elements; .* computes 2 of 8"):
        reconstructor.reconstruct(np.zeros((1, 3)))
    with pytest.raises(heavykeys.InvalidInput, match=r"partial: its shape is \(2,\)"):
        reconstructor.reconstruct(np.zeros(2))
    with pytest.raises(TypeError):
        reconstructor.reconstruct([[1.0, 2.0]])
    x, y = np.zeros((8, 4)), np.zeros((9, 4))
    with pytest.raises(heavykeys.Incompatible, match="samples with 8 elements; there are 9 keys"):
        heavykeys.attend(y, y, y, reconstructor=reconstructor)
    with pytest.raises(heavykeys.InvalidInput, match="reconstructors: 2 for 1 query heads"):
        heavykeys.attend(x, x, x, reconstructor=[reconstructor] * 2)
    with pytest.raises(heavykeys.InvalidInput, match="sets: with a reconstructor"):
        heavykeys.attend(x, x, x, heavykeys.every_key(1, 1, 8), reconstructor=reconstructor)
    with pytest.raises(heavykeys.InvalidInput, match="return_sums: with a reconstructor"):
        heavykeys.attend(x, x, x, reconstructor=reconstructor, return_sums=True)
    with pytest.raises(heavykeys.InvalidInput, match="sinks 1, window 0"):
        heavykeys.attend(x, x, x, reconstructor=reconstructor, sinks=1)
    for wrong in (7, "r", [reconstructor, 7], principal):
        with pytest.raises(TypeError, match="reconstructor: heavykeys.Reconstructor"):
            heavykeys.attend(x, x, x, reconstructor=wrong)
