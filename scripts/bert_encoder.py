"""The forward pass of a BERT encoder in float32 NumPy."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import tokenizers
from scipy.special import erf

# For each captured layer: its "q", "k" and "v", each [heads, n, d].
Capture = dict[int, dict[str, np.ndarray]]


class ModelError(Exception):
    """The model cannot be read, or is of another kind."""


def sha256(data: bytes) -> str:
    """Return the SHA-256 sum of data in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class Model:
    """The forward pass of a BERT encoder (post-LN, exact GELU), float32."""

    def __init__(self, source: Path) -> None:
        files = read_model_files(source)
        self.sums = {name: sha256(data) for name, data in files.items()}
        self.config: dict[str, Any] = json.loads(files["config.json"])
        kind = (self.config.get("model_type"), self.config.get("hidden_act"))
        if kind != ("bert", "gelu"):
            raise ModelError(f"{source}: not a BERT model with GELU: {kind}")
        self.layers: int = self.config["num_hidden_layers"]
        self.heads: int = self.config["num_attention_heads"]
        self.positions: int = self.config["max_position_embeddings"]
        self.weights = {
            name.removeprefix("bert."): tensor.astype(np.float32)
            for name, tensor in safetensors.numpy.load(
                files["model.safetensors"]
            ).items()
            if tensor.dtype.kind == "f"
        }
        self.tokenizer = tokenizers.Tokenizer.from_str(
            files["tokenizer.json"].decode("utf-8")
        )
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        weight = self.weights[f"{name}.weight"]
        y: np.ndarray = x @ weight.T + self.weights[f"{name}.bias"]
        return y

    def _layer_norm(self, x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        epsilon = np.float32(self.config["layer_norm_eps"])
        scaled = centred / np.sqrt(variance + epsilon)
        weight = self.weights[f"{name}.weight"]
        y: np.ndarray = scaled * weight + self.weights[f"{name}.bias"]
        return y

    def _split(self, x: np.ndarray) -> np.ndarray:
        """Turn [n, hidden] into [heads, n, d]."""
        return x.reshape(len(x), self.heads, -1).transpose(1, 0, 2)

    def run(
        self, ids: list[int], wanted: set[int]
    ) -> tuple[Capture, np.ndarray]:
        """Return q, k, v of the wanted layers, and the hidden states.

        The layers above the highest wanted one are not run; with no layer
        wanted, all run and the hidden states are the model's output.
        """
        words = self.weights["embeddings.word_embeddings.weight"]
        places = self.weights["embeddings.position_embeddings.weight"]
        kinds = self.weights["embeddings.token_type_embeddings.weight"]
        x = words[ids] + places[: len(ids)] + kinds[0]
        x = self._layer_norm(x, "embeddings.LayerNorm")
        found: Capture = {}
        for layer in range(self.layers):
            prefix = f"encoder.layer.{layer}"
            q, k, v = (
                self._split(self._linear(x, f"{prefix}.attention.self.{part}"))
                for part in ("query", "key", "value")
            )
            if layer in wanted:
                found[layer] = {"q": q, "k": k, "v": v}
            if wanted and layer == max(wanted):
                break
            scores = q @ k.transpose(0, 2, 1)
            scores /= np.sqrt(np.float32(q.shape[-1]))
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores /= scores.sum(axis=-1, keepdims=True)
            mixed = (scores @ v).transpose(1, 0, 2).reshape(x.shape)
            mixed = self._linear(mixed, f"{prefix}.attention.output.dense")
            x = self._layer_norm(
                x + mixed, f"{prefix}.attention.output.LayerNorm"
            )
            inner = self._linear(x, f"{prefix}.intermediate.dense")
            half = np.float32(0.5)
            inner *= half * (1 + erf(inner * np.sqrt(half)))
            inner = self._linear(inner, f"{prefix}.output.dense")
            x = self._layer_norm(x + inner, f"{prefix}.output.LayerNorm")
        return found, x


def read_model_files(source: Path) -> dict[str, bytes]:
    """Read the model's files out of a folder or a wheel."""
    names = ("config.json", "tokenizer.json", "model.safetensors")
    try:
        if source.is_dir():
            return {name: (source / name).read_bytes() for name in names}
        with zipfile.ZipFile(source) as wheel:
            folders = [
                path.removesuffix(names[-1])
                for path in wheel.namelist()
                if path.endswith(names[-1])
            ]
            return {name: wheel.read(folders[0] + name) for name in names}
    except (OSError, LookupError, zipfile.BadZipFile) as error:
        raise ModelError(f"cannot read the model {source}: {error}") from error
