"""Scores by which public kits and this library keep keys: the greatest are kept.

Every function takes the keys of one head, float64 [n, d], and returns [n].
Formulas, not code, of NVIDIA kvpress (github.com/NVIDIA/kvpress, main in
November 2026), one class each; see the docstrings.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Scores = Callable[[np.ndarray, np.random.Generator], np.ndarray]

SKETCH_DIMENSION = 48  # LeverageScorePress.sketch_dimension
SKETCH_JITTER = 1e-2  # what it adds to the diagonal before factoring
WINDOW = 16  # CURPress.local_window_size


def random(keys: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """RandomPress: the floor."""
    return rng.random(len(keys))


def low_norm(keys: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """KnormPress (arXiv 2406.11430): -|k|."""
    return -np.linalg.norm(keys, axis=1)


def high_norm(keys: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The opposite: |k|, which is the leverage when keys are round."""
    return np.linalg.norm(keys, axis=1)


def window_norm(keys: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """CURPress (arXiv 2509.15038), leverage_type "key": |k|^2 over the sum of
    |k|^2 in its window of 16 tokens. (Its four sinks are left out here, as no
    other selection has any.)"""
    squares = np.square(keys).sum(axis=1)
    padded = np.pad(squares, (0, -len(squares) % WINDOW)).reshape(-1, WINDOW)
    sums = np.maximum(padded.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return (padded / sums).reshape(-1)[: len(squares)]


def key_difference(keys: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """KeyDiffPress (arXiv 2504.15364): minus the cosine with the mean
    direction of the keys."""
    norms = np.maximum(np.linalg.norm(keys, axis=1, keepdims=True), 1e-12)
    anchor = (keys / norms).mean(axis=0)
    return -(keys / norms) @ anchor / max(np.linalg.norm(anchor), 1e-12)


def sketched(keys: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """LeverageScorePress (arXiv 2507.08143), also in CompactorPress: keys less
    their mean, times a Gaussian [d, 48] / sqrt(48), diag X (X'X + 0.01)^-1 X'.
    A new Gaussian every time, as there."""
    gaussian = rng.standard_normal((keys.shape[1], SKETCH_DIMENSION))
    rows = (keys - keys.mean(axis=0)) @ (gaussian / np.sqrt(SKETCH_DIMENSION))
    gram = rows.T @ rows + SKETCH_JITTER * np.eye(SKETCH_DIMENSION)
    return np.einsum("ij,ji->i", rows, np.linalg.solve(gram, rows.T))


def exact_leverage(command: Path) -> Scores:
    """heavykeys: the leverage of every key, by `heavykeys find`."""

    def scores(keys: np.ndarray, _: np.random.Generator) -> np.ndarray:
        leverage = np.zeros(len(keys))
        ids, found = universal_set(command, keys, 1e-9)
        leverage[ids] = found
        return leverage

    return scores


def universal_set(
    command: Path, keys: np.ndarray, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Row ids and leverages of all keys that can reach epsilon (x^2)."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/keys.npy", keys)
        arguments = ["--keys", f"{folder}/keys.npy", "--epsilon", f"{epsilon:.17g}"]
        subprocess.run(
            [command, "find", *arguments, "--out", f"{folder}/out", "--quiet"],
            check=True,
        )
        ids = np.load(f"{folder}/out/universal_set.npy")
        return ids, np.load(f"{folder}/out/leverage.npy")


def selectors(command: Path) -> dict[str, tuple[Scores, int]]:
    """Name -> (scores, how many draws of it to average)."""
    return {
        "leverage": (exact_leverage(command), 1),
        "sketched": (sketched, 20),
        "window norm": (window_norm, 1),
        "low norm": (low_norm, 1),
        "high norm": (high_norm, 1),
        "key difference": (key_difference, 1),
        "random": (random, 20),
    }


def keep(scores: np.ndarray, budget: int) -> np.ndarray:
    """Mask [n] of the budget keys of greatest score, ties to the earlier."""
    kept = np.zeros(len(scores), dtype=bool)
    kept[np.argsort(-scores, kind="stable")[:budget]] = True
    return kept
