"""Scores rebuilt from some of them: how far off they are, and attention that uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from eigen_data import Capture, rounded, softmax
from eigen_matrices import kept
from eigen_spectra import merged, row_covariances

from heavykeys import Covariance, PrincipalComponents, Reconstructor

CHOICES = ("pivoted", "random", "strided")
ESTIMATORS = ("lmmse", "least-squares")
ROW_SHARES = (0.05, 0.1, 0.25, 0.5, 0.75)
MATRIX_SHARES = (0.1, 0.25, 0.5)
RIDGES = (0.0, 1e-6, 1e-3, 1e-2, 1e-1, 1.0)


def part(share: float, whole: int) -> int:
    return max(1, round(share * whole))


class Attention:
    """What attention makes of true scores [N, m, n] and values [N, n, d], to be compared with."""

    def __init__(self, scores: np.ndarray, values: np.ndarray) -> None:
        self.values = values.astype(float)
        self.weights = softmax(scores)
        self.output = self.weights @ self.values
        self.top = scores.argmax(axis=-1)

    def compare(self, scores: np.ndarray) -> dict[str, float]:
        """Scores may be -inf for keys left out. output: relative error; weights: half of the sum of
        |differences|, mean over queries; top: queries whose heaviest key is the same."""
        weights = softmax(scores)
        difference = weights @ self.values - self.output
        return {
            "output": float(np.linalg.norm(difference) / np.linalg.norm(self.output)),
            "weights": float(np.abs(weights - self.weights).sum(axis=-1).mean() / 2),
            "top": float((scores.argmax(axis=-1) == self.top).mean()),
        }


def short(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def restricted(scores: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """Samples [N, p] with only these elements; a query of which none is computed sees all keys
    alike."""
    out = np.full_like(scores, -np.inf)
    out[:, elements] = scores[:, elements]
    return out


def best_keys(scores: np.ndarray, count: int) -> np.ndarray:
    """Of every query the `count` greatest scores: a choice that has to know them all."""
    least = np.partition(scores, -count, axis=-1)[..., -count, None]
    return np.where(scores >= least, scores, -np.inf)


def rebuild(
    principal: PrincipalComponents, samples: np.ndarray, share: float, attention: Attention, **how
) -> tuple[Reconstructor, dict[str, float]]:
    """Samples [N, p] from this share of their elements."""
    reconstructor = Reconstructor(principal, part(share, principal.dim), **how)
    rebuilt = reconstructor.reconstruct(samples[:, reconstructor.elements], threads=1)
    lost = np.square(samples - rebuilt).sum() / np.square(samples - principal.mean).sum()
    found = {
        "error": lost,
        "predicted": reconstructor.predicted_error,
        "components": reconstructor.components,
    }
    found.update(attention.compare(rebuilt.reshape(attention.weights.shape)))
    return reconstructor, short(found)


def all_ways(
    principal: PrincipalComponents,
    samples: np.ndarray,
    attention: Attention,
    shares: tuple[float, ...],
    **how,
) -> dict[str, object]:
    """{choice: {estimator or "restricted": [of each share]}}, and two baselines."""
    shape = attention.weights.shape
    out: dict[str, object] = {}
    for choice in CHOICES:
        ways: dict[str, list] = {name: [] for name in (*ESTIMATORS, "restricted")}
        for share in shares:
            for estimator in ESTIMATORS:
                reconstructor, found = rebuild(
                    principal, samples, share, attention, choice=choice, estimator=estimator, **how
                )
                ways[estimator].append(found)
            only = restricted(samples, reconstructor.elements).reshape(shape)
            if np.isfinite(only).any(axis=-1).all():
                ways["restricted"].append(short(attention.compare(only)))
        out[choice] = ways
    nothing = np.broadcast_to(principal.mean, samples.shape).reshape(shape)
    out["mean scores"] = short(attention.compare(nothing))
    out["best keys"] = [
        short(attention.compare(best_keys(samples.reshape(shape), part(share, shape[-1]))))
        for share in shares
    ]
    return out


def ridges(principal: PrincipalComponents, samples: np.ndarray) -> dict[str, list[float]]:
    """Errors at 25%, pivoted, by ridge."""
    count = part(0.25, principal.dim)
    return {
        estimator: rounded(
            [
                Reconstructor(principal, count, estimator=estimator, ridge=ridge).error(samples)[1]
                for ridge in RIDGES
            ]
        )
        for estimator in ESTIMATORS
    }


def pooled_errors(
    principal: PrincipalComponents, samples: np.ndarray, seed: int
) -> dict[str, object]:
    """One reconstructor for all heads of a layer."""
    return {
        choice: {
            estimator: rounded(
                [
                    Reconstructor(
                        principal,
                        part(share, principal.dim),
                        choice=choice,
                        estimator=estimator,
                        seed=seed,
                    ).error(samples)[1]
                    for share in ROW_SHARES
                ]
            )
            for estimator in ESTIMATORS
        }
        for choice in CHOICES
    }


def same_text(train: Capture, layer: int) -> list[list[float]]:
    """Fitted to every second window of the text, tested on the others, pivoted lmmse, each head:
    [predicted, found] at 25%. What is lost by another text is not in it."""
    out = []
    for head in range(train.heads):
        seen, unseen = (train.scores(layer, head, train.every()[i::2]) for i in (0, 1))
        covariance = Covariance(train.window)
        covariance.absorb(seen.reshape(-1, train.window), threads=1)
        fitted = Reconstructor(covariance.principal_components(), part(0.25, train.window))
        error = fitted.error(unseen.reshape(-1, train.window))[1]
        out.append(rounded([fitted.predicted_error, error]))
    return out


def layer_rows(train: Capture, test: Capture, layer: int, windows: np.ndarray) -> dict[str, object]:
    covariances = row_covariances(train, layer, "scores")
    heads, everything = [], []
    seed = layer * train.heads  # every head draws its own random elements
    for head, covariance in enumerate(covariances):
        scores = test.scores(layer, head, windows)
        samples = scores.reshape(-1, test.window)
        everything.append(samples)
        attention = Attention(scores, test.tensor(layer, head, "v", windows))
        principal = covariance.principal_components()
        heads.append(all_ways(principal, samples, attention, ROW_SHARES, seed=seed + head))
        heads[-1]["ridges"] = ridges(principal, samples)
    pooled = merged(covariances).principal_components()
    return {
        "layer": layer,
        "heads": heads,
        "pooled": pooled_errors(pooled, np.concatenate(everything), seed),
        "same text": same_text(train, layer),
    }


def layer_means(
    train: Capture, test: Capture, layer: int, windows: np.ndarray
) -> dict[str, object]:
    """Nothing computed: every head's scores are its mean matrix over the fitted text. Errors in
    the units of rows (about the head's mean row) and of matrices (about the layer's mean)."""
    means = np.stack([x.mean(axis=0) for x in train.layer_scores(layer, train.every())])
    heads, lost, total = [], 0.0, 0.0
    for head, mean in enumerate(means):
        scores = test.scores(layer, head, windows)
        rest = np.square(scores - mean).sum()
        lost += rest
        total += np.square(scores - means.mean(axis=0)).sum()
        attention = Attention(scores, test.tensor(layer, head, "v", windows))
        found = {"error": rest / np.square(scores - mean.mean(axis=0)).sum()}
        found.update(attention.compare(np.broadcast_to(mean, scores.shape)))
        heads.append(short(found))
    return {"layer": layer, "heads": heads, "matrices": rounded(lost / total)}


def head_matrices(
    train: Capture, test: Capture, layer: int, windows: np.ndarray, columns: int
) -> dict[str, object]:
    """A reconstructor for the whole matrices of each head: lmmse, two choices, each share."""
    heads = []
    for head in range(train.heads):
        covariance = Covariance(train.window**2, sketch_columns=columns, seed=1)
        scores = train.scores(layer, head, train.every())
        covariance.absorb(scores.reshape(len(scores), -1), threads=1)
        principal = covariance.principal_components()
        scores = test.scores(layer, head, windows)
        attention = Attention(scores, test.tensor(layer, head, "v", windows))
        samples = scores.reshape(len(scores), -1)
        how = {"sample_queries": test.window, "seed": layer * train.heads + head}
        heads.append(
            {
                choice: [
                    rebuild(principal, samples, share, attention, choice=choice, **how)[1]
                    for share in MATRIX_SHARES
                ]
                for choice in ("random", "strided")
            }
        )
    return {"layer": layer, "heads": heads}


def layer_matrices(
    test: Capture, layer: int, windows: np.ndarray, most: int, folder: Path
) -> dict[str, object]:
    """One reconstructor for whole matrices of all heads of a layer."""
    principal = kept(folder, layer, most)
    scores = np.concatenate(list(test.layer_scores(layer, windows)))
    values = np.concatenate([test.tensor(layer, head, "v", windows) for head in range(test.heads)])
    found = all_ways(
        principal,
        scores.reshape(len(scores), -1),
        Attention(scores, values),
        MATRIX_SHARES,
        sample_queries=test.window,
        seed=layer,
    )
    return {"layer": layer, **found}
