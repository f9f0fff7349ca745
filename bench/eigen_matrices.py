"""Whole score matrices as samples: sketched covariances, and exact spectra from Gram matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from eigen_data import Capture, rounded
from eigen_spectra import SHARES, counts

from heavykeys import Covariance, PrincipalComponents


def sketched(capture: Capture, layer: int, columns: int) -> PrincipalComponents:
    covariance = Covariance(capture.window**2, sketch_columns=columns, seed=1)
    for scores in capture.layer_scores(layer, capture.every()):
        covariance.absorb(scores.reshape(len(scores), -1), threads=1)
    return covariance.principal_components()


def spectrum(gram: np.ndarray) -> np.ndarray:
    """Variances, descending, of samples about their mean, from their products."""
    gram = gram - gram.mean(axis=0)
    gram -= gram.mean(axis=1, keepdims=True)
    return np.maximum(np.linalg.eigvalsh(gram)[::-1], 0) / len(gram)


def exact_counts(variances: np.ndarray) -> list[int]:
    shares = np.cumsum(variances) / variances.sum()
    return [int(np.argmax(shares >= share)) + 1 for share in SHARES]


def held_out_shares(
    components: PrincipalComponents, test: Capture, layer: int, sizes: list[int]
) -> list[float]:
    """The share of |x - mean|^2 over the test text's matrices that the first r components hold."""
    held, total = np.zeros(len(components)), 0.0
    for scores in test.layer_scores(layer, test.every()):
        samples = scores.reshape(len(scores), -1) - components.mean
        held += ((samples @ components.components.T) ** 2).sum(axis=0)
        total += (samples**2).sum()
    return rounded([held[:r].sum() / total for r in sizes])


def layer_matrices(
    train: Capture, test: Capture, layer: int, columns: int, folder: Path
) -> dict[str, object]:
    components = sketched(train, layer, columns)
    keep(folder, layer, components)
    explained = components.explained_variance()
    sizes = [r for r in (10, 50, 100, 200, 500, 1000) if r <= columns]
    samples = np.concatenate(
        [x.reshape(len(x), -1) for x in train.layer_scores(layer, train.every())]
    )
    gram = samples @ samples.T
    exact = spectrum(gram)
    apart = [slice(h * train.windows, (h + 1) * train.windows) for h in range(train.heads)]
    heads = [spectrum(gram[h, h]) for h in apart]
    return {
        "layer": layer,
        "samples": len(samples),
        "sketched": counts(components),
        "explained": rounded(explained),
        "exact": exact_counts(exact),
        "explained exact": rounded((np.cumsum(exact) / exact.sum())[:1024]),
        "heads exact": [exact_counts(variances) for variances in heads],
        "between heads": rounded(1 - np.mean([v.sum() for v in heads]) / exact.sum(), 3),
        "sizes": sizes,
        "in sample": rounded([explained[r - 1] for r in sizes]),
        "held out": held_out_shares(components, test, layer, sizes),
    }


def keep(folder: Path, layer: int, components: PrincipalComponents) -> None:
    """Big: 8 p bytes a component. For overlaps and reconstruction."""
    np.savez(
        folder / f"matrices-{layer}.npz",
        mean=components.mean,
        variances=components.variances,
        components=components.components,
        element_variances=components.element_variances,
        total_variance=components.total_variance,
        samples=components.samples,
    )


def kept(folder: Path, layer: int, most: int | None = None) -> PrincipalComponents:
    with np.load(folder / f"matrices-{layer}.npz") as arrays:
        return PrincipalComponents(
            arrays["mean"],
            arrays["variances"][:most],
            arrays["components"][:most],
            element_variances=arrays["element_variances"],
            total_variance=float(arrays["total_variance"]),
            samples=int(arrays["samples"]),
        )
