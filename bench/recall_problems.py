"""Keys and queries of the recall study: captured, and synthetic ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Problem:
    """Heads that are judged together; a head is (queries [m, d], keys [n, d])."""

    name: str
    heads: list[tuple[np.ndarray, np.ndarray]]
    epsilon: float  # a weight that counts as heavy
    epsilon_reach: float  # the same, for the queries that (K'K)^-1 k makes
    causal: bool  # query i is at row i: a causal mask makes sense


def safetensors(path: Path) -> dict[str, np.ndarray]:
    """The float16 and float32 tensors of a safetensors file."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        dtype = {"F16": np.float16, "F32": np.float32}[entry["dtype"]]
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[8 + size + begin : 8 + size + end], dtype)
        tensors[name] = flat.reshape(entry["shape"]).astype(np.float64)
    return tensors


def captured(data: Path, capture: Path | None) -> list[Problem]:
    """tests/data, and every layer of a folder that capture_attention wrote."""
    layer = safetensors(data / "heads.safetensors")
    problems = [
        Problem(
            "layer 5, 12 heads, n = 256",
            list(zip(layer["q"], layer["k"], strict=True)),
            0.05,
            0.2,
            causal=True,
        )
    ]
    if capture is not None:
        layers = [safetensors(p) for p in sorted(capture.glob("layer-*.safetensors"))]
        heads = [
            (q[:256], k[:256])
            for layer in layers
            for q, k in zip(layer["q"], layer["k"], strict=True)
        ]
        problems.append(
            Problem(
                f"{len(layers)} layers, {len(heads)} heads, n = 256",
                heads,
                0.05,
                0.2,
                causal=True,
            )
        )
        # The queries of the last window meet the keys of all windows.
        long = [
            (q[-256:], k)
            for layer in layers
            for q, k in zip(layer["q"], layer["k"], strict=True)
        ]
        problems.append(
            Problem(
                f"{len(layers)} layers, {len(long)} heads, n = {len(long[0][1]):,}",
                long,
                0.01,
                0.03,
                causal=False,
            )
        )
    keys = np.load(data / "stream_keys.npy").astype(np.float64)
    queries = np.load(data / "stream_queries.npy").astype(np.float64)
    name = "stream, layer 0, head 1, n = 20,480"
    problems.append(Problem(name, [(queries, keys)], 0.001, 0.004, causal=False))
    return problems


def spectrum(rng: np.random.Generator, n: int, d: int, power: float) -> np.ndarray:
    """Gaussian rows in a random basis, column i scaled by i^-power."""
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    scales = np.arange(1, d + 1) ** -power
    return (rng.standard_normal((n, d)) * scales) @ basis


def asked(rng: np.random.Generator, keys: np.ndarray, m: int) -> np.ndarray:
    """Gaussian queries [m, d], so long that q.k / sqrt(d) has deviation 2."""
    queries = rng.standard_normal((m, keys.shape[1]))
    logits = queries @ keys.T / np.sqrt(keys.shape[1])
    return queries * (2 / logits.std(axis=1).mean())


def synthetic(seed: int) -> list[Problem]:
    """Anisotropic keys, n = 4,096, d = 128 as in large models; 256 queries.

    spectrum: scales i^-1 in a random basis.
    heavy tails: scales i^-0.5, every row divided by the root of a chi-square
        of 3 (Student's t), plus a common mean of length 3: outliers and an
        offset, as real keys have.
    rare: 4,080 round rows in 112 directions; each of the other 16 directions
        has one short key (a quarter of the others' length), and 16 of the
        queries ask for one of them each: no other key can stand in for it.
    """
    n, m, d, few = 4096, 256, 128, 16
    rng = np.random.default_rng(seed)
    decaying = spectrum(rng, n, d, 1.0)
    mean = rng.standard_normal(d)
    tails = spectrum(rng, n, d, 0.5) / np.sqrt(rng.chisquare(3, (n, 1)) / 3)
    tails += 3 * mean / np.linalg.norm(mean)
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    rows = rng.standard_normal((n - few, d - few)) @ basis[few:]
    short = 0.25 * np.sqrt(d - few) * basis[:few]
    rare = np.insert(rows, np.linspace(100, n - 100, few).astype(int), short, axis=0)
    asking = asked(rng, rare, m)
    asking[:few] = 4 * np.sqrt(d) * basis[:few] + 0.05 * asking[:few]
    return [
        Problem(
            "spectrum 1/i", [(asked(rng, decaying, m), decaying)], 0.003, 0.036, False
        ),
        Problem(
            "heavy tails, offset", [(asked(rng, tails, m), tails)], 0.01, 0.1, False
        ),
        Problem("rare directions", [(asking, rare)], 0.01, 0.05, False),
    ]
