"""The library's numbers against the same formulas in NumPy, on captured scores."""

from __future__ import annotations

import numpy as np
from eigen_data import Capture, softmax
from eigen_matrices import spectrum

import heavykeys
from heavykeys import Covariance, Reconstructor


def eigen(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(covariance)
    return values[::-1], vectors[:, ::-1].T


def pivots(covariance: np.ndarray, count: int) -> list[int]:
    """Each the element of greatest variance given those before it, by Schur complements."""
    left, chosen = covariance.copy(), []
    for _ in range(count):
        variances = np.diag(left).copy()
        variances[chosen] = -np.inf
        chosen.append(int(np.argmax(variances)))
        column = left[:, chosen[-1]]
        left = left - np.outer(column, column) / column[chosen[-1]]
    return sorted(chosen)


def lmmse(covariance: np.ndarray, chosen: np.ndarray, ridge: float) -> np.ndarray:
    """[p, s]: what x_S - mean_S is multiplied by."""
    inner = covariance[np.ix_(chosen, chosen)]
    inner = inner + ridge * np.trace(covariance) / len(covariance) * np.eye(len(chosen))
    return np.linalg.solve(inner, covariance[chosen]).T


def least_squares(components: np.ndarray, chosen: np.ndarray, ridge: float) -> np.ndarray:
    e = components[:, chosen].T
    weight = ridge * len(chosen) / components.shape[1]
    return components.T @ np.linalg.solve(e.T @ e + weight * np.eye(e.shape[1]), e.T)


def lost(samples: np.ndarray, mean: np.ndarray, chosen: np.ndarray, map_: np.ndarray) -> float:
    rebuilt = mean + (samples - mean)[:, chosen] @ map_.T
    rebuilt[:, chosen] = samples[:, chosen]
    return float(np.square(samples - rebuilt).sum() / np.square(samples - mean).sum())


def differences(train: Capture, test: Capture, layer: int, head: int) -> dict[str, object]:
    """Greatest differences, relative to the greatest value, for one head."""
    matrices = train.scores(layer, head, train.every())
    rows = matrices.reshape(-1, train.window)
    kept = Covariance(train.window)
    kept.absorb(rows)
    principal = kept.principal_components()
    covariance = np.cov(rows.T, bias=True)
    values, vectors = eigen(covariance)
    other = Covariance(train.window)
    other_rows = train.scores(0, head, train.every()).reshape(-1, train.window)
    other.absorb(other_rows)
    _, other_vectors = eigen(np.cov(other_rows.T, bias=True))
    by_hand = np.square(vectors[:10] @ other_vectors[:10].T).sum() / 10
    out: dict[str, object] = {
        "layer": layer,
        "head": head,
        "covariance": float(np.abs(kept.matrix() - covariance).max() / covariance.max()),
        "variances": float(np.abs(principal.variances - values).max() / values[0]),
        "overlap": float(
            abs(heavykeys.overlap(principal, other.principal_components(), 10) - by_hand)
        ),
    }
    out.update(rebuilt_differences(principal, covariance, vectors, test, layer, head))
    sketch = Covariance(train.window**2, sketch_columns=train.windows)
    flat = matrices.reshape(len(matrices), -1)
    sketch.absorb(flat)
    exact = spectrum(flat @ flat.T)
    found = sketch.principal_components().variances
    out["variances of matrices"] = float(np.abs(found - exact[: len(found)]).max() / exact[0])
    return out


def attention_difference(
    reconstructor: Reconstructor, test: Capture, layer: int, head: int
) -> float:
    """heavykeys.attend with a reconstructor, on one window, against softmax of rebuilt scores."""
    window = np.arange(1)
    q, k, v = (test.tensor(layer, head, name, window)[0].astype(float) for name in "qkv")
    scores = test.scores(layer, head, window)[0]
    rebuilt = reconstructor.reconstruct(scores[:, reconstructor.elements])
    expected = softmax(rebuilt) @ v
    found = heavykeys.attend(q, k, v, reconstructor=reconstructor)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def rebuilt_differences(
    principal: heavykeys.PrincipalComponents,
    covariance: np.ndarray,
    vectors: np.ndarray,
    test: Capture,
    layer: int,
    head: int,
) -> dict[str, object]:
    """Held-out errors at 25%, pivoted; and whether the pivots are the same."""
    samples = test.scores(layer, head, test.every()).reshape(-1, test.window)
    count = test.window // 4
    best = Reconstructor(principal, count)
    fit = Reconstructor(principal, count, estimator="least-squares")
    chosen = best.elements
    mean = principal.mean
    of_best = lost(samples, mean, chosen, lmmse(covariance, chosen, best.ridge))
    used = vectors[: fit.components]
    of_fit = lost(samples, mean, chosen, least_squares(used, chosen, fit.ridge))
    return {
        "same pivots": pivots(covariance, count) == list(map(int, chosen)),
        "lmmse error": [best.error(samples)[1], of_best],
        "least-squares error": [fit.error(samples)[1], of_fit],
        "attention": attention_difference(best, test, layer, head),
    }
