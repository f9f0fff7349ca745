"""Captured queries, keys and values, cut into windows, and what attention makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import heavykeys
from heavykeys import io


class Capture:
    """A folder of scripts/capture_attention: layer-0.safetensors ..; q, k, v [heads, rows, d]."""

    def __init__(self, folder: Path, window: int) -> None:
        self.folder, self.window = folder, window
        self.layers = len(list(folder.glob("layer-*.safetensors")))
        self.heads, self.rows, self.head_dim = self._open(0, "q").shape
        self.windows = self.rows // window  # what is left over is dropped

    def _open(self, layer: int, name: str) -> np.ndarray:
        return io.open_tensor(self.folder / f"layer-{layer}.safetensors:{name}")

    def tensor(self, layer: int, head: int, name: str, windows: np.ndarray) -> np.ndarray:
        """[len(windows), window, d] of one head."""
        whole = self._open(layer, name)[head, : self.windows * self.window]
        return whole.reshape(self.windows, self.window, self.head_dim)[windows]

    def every(self) -> np.ndarray:
        return np.arange(self.windows)

    def some(self, count: int) -> np.ndarray:
        """Indices of `count` windows, evenly spaced over the text."""
        return (np.arange(count) * self.windows) // count

    def scores(self, layer: int, head: int, windows: np.ndarray) -> np.ndarray:
        """[len(windows), window, window]: q.k / sqrt(d), before softmax."""
        q, k = (self.tensor(layer, head, name, windows) for name in "qk")
        return heavykeys.score_matrices(q, k)

    def layer_scores(self, layer: int, windows: np.ndarray) -> Iterator[np.ndarray]:
        """Of every head in turn."""
        for head in range(self.heads):
            yield self.scores(layer, head, windows)

    def describe(self) -> dict[str, object]:
        record = json.loads((self.folder / "provenance.json").read_text())
        return {
            "text": record["text"],
            "model": record["model"]["name"],
            "rows": self.rows,
            "windows": self.windows,
            "window": self.window,
            "layers": self.layers,
            "heads": self.heads,
            "head_dim": self.head_dim,
        }


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def centred(scores: np.ndarray) -> np.ndarray:
    """Each row less its mean: what softmax sees of it."""
    return scores - scores.mean(axis=-1, keepdims=True)


def rounded(values: object, digits: int = 5) -> object:
    """Of arrays and numbers, for the record."""
    return np.round(np.asarray(values, dtype=float), digits).tolist()
