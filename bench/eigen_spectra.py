"""In how few directions scores vary: components counted, layers and heads compared."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from eigen_data import Capture, centred, rounded, softmax

import heavykeys
from heavykeys import Covariance, PrincipalComponents

SHARES = (0.5, 0.9, 0.95, 0.99)
VARIANTS = {"scores": lambda x: x, "row means removed": centred, "after softmax": softmax}
FEW = 10  # components, for overlaps


def counts(components: PrincipalComponents) -> list[int]:
    """0: more than were kept."""
    return [components.components_for(share) for share in SHARES]


def row_covariances(capture: Capture, layer: int, variant: str) -> list[Covariance]:
    """One of each head. Merged, they are the layer's: sums are exact."""
    out = []
    for scores in capture.layer_scores(layer, capture.every()):
        out.append(Covariance(capture.window))
        out[-1].absorb(VARIANTS[variant](scores).reshape(-1, capture.window), threads=1)
    return out


def merged(covariances: list[Covariance]) -> Covariance:
    total = covariances[0].copy()
    for covariance in covariances[1:]:
        total.merge(covariance)
    return total


def counts_by_position(capture: Capture, layer: int) -> list[float]:
    """Rows of one query position have a covariance of their own: mean counts over positions."""
    apart = [Covariance(capture.window) for _ in range(capture.window)]
    for scores in capture.layer_scores(layer, capture.every()):
        for position, covariance in enumerate(apart):
            covariance.absorb(scores[:, position], threads=1)
    return rounded(np.mean([counts(c.principal_components()) for c in apart], axis=0), 1)


def counts_in_one_window(capture: Capture, layer: int) -> list[float]:
    """Rows of one matrix have rank d at most: mean counts over some windows of every head."""
    found = []
    for scores in capture.layer_scores(layer, capture.some(24)):
        rows = scores - scores.mean(axis=1, keepdims=True)
        values = np.linalg.eigvalsh(rows.swapaxes(1, 2) @ rows)[:, ::-1]
        shares = np.cumsum(values, axis=1) / values.sum(axis=1, keepdims=True)
        found += [[np.argmax(each >= share) + 1 for share in SHARES] for each in shares]
    return rounded(np.mean(found, axis=0), 1)


def layer_rows(train: Capture, test: Capture, layer: int) -> dict[str, object]:
    """Everything about the rows of a layer but overlaps. `components` stays out of the record."""
    out: dict[str, object] = {"layer": layer}
    for variant in VARIANTS:
        of_heads = row_covariances(train, layer, variant)
        pooled = merged(of_heads).principal_components()
        heads = [c.principal_components() for c in of_heads]
        out[variant] = {
            "layer": counts(pooled),
            "heads": [counts(c) for c in heads],
            "explained": rounded(pooled.explained_variance()),
        }
        if variant == "scores":
            out["components"] = (pooled, heads)
            within = np.mean([c.total_variance for c in heads])
            out["between heads"] = rounded(1 - within / pooled.total_variance, 3)
            out["head variances"] = rounded([c.total_variance for c in heads])
    out["one position"] = counts_by_position(train, layer)
    out["one window"] = counts_in_one_window(train, layer)
    pooled = out["components"][0]
    held_out = merged(row_covariances(test, layer, "scores")).principal_components()
    out["held out"] = rounded(
        [heavykeys.captured_variance(pooled, r, held_out) for r in counts(pooled)]
    )
    return out


def square(names: int, measure) -> list[list[float]]:
    return [rounded([measure(a, b) for b in range(names)]) for a in range(names)]


def overlaps(layers: list[PrincipalComponents], many: int) -> dict[str, object]:
    """Between layers, with FEW components and `many`; captured: of column's variance, by row's."""
    n = len(layers)
    return {
        "few": FEW,
        "many": many,
        "overlap few": square(n, lambda a, b: heavykeys.overlap(layers[a], layers[b], FEW)),
        "overlap many": square(n, lambda a, b: heavykeys.overlap(layers[a], layers[b], many)),
        "captured few": square(
            n, lambda a, b: heavykeys.captured_variance(layers[a], FEW, layers[b])
        ),
        "captured many": square(
            n, lambda a, b: heavykeys.captured_variance(layers[a], many, layers[b])
        ),
    }


def head_overlaps(heads: list[list[PrincipalComponents]]) -> dict[str, object]:
    """Of the first FEW components, all pairs of heads: least, mean, greatest in each layer, and of
    pairs from different layers."""

    def summary(pairs: list[tuple[PrincipalComponents, PrincipalComponents]]) -> list[float]:
        values = [heavykeys.overlap(a, b, FEW) for a, b in pairs]
        return rounded([min(values), np.mean(values), max(values)], 3)

    across = [(a, b) for one, other in combinations(heads, 2) for a in one for b in other]
    return {
        "within": [summary(list(combinations(layer, 2))) for layer in heads],
        "across": summary(across),
    }
