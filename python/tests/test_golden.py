"""The state files of tests/golden/test_golden.cpp: read, written, and made anew from Python, byte for byte."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from reference import MersenneTwister64

import heavykeys


def logarithm() -> heavykeys.Score:
    return heavykeys.Score.custom("log1p-of-square", lambda x: math.log1p(x * x), 2)


# name: rows, range of exponents, streams, the Spec
GOLDEN = {
    "v1-one-row": (1, 1, 1, dict(dim=3, epsilon=1.0, block_rows=16)),
    "v1-blocks-and-waiting-rows": (150, 6, 1, dict(dim=4, epsilon=0.125, block_rows=64)),
    "v1-two-streams-20-bits": (90, 3, 2, dict(dim=5, epsilon=0.0625, block_rows=16, grid_bits=20)),
    "v1-wide-range-float64": (60, 400, 1, dict(dim=2, epsilon=0.25, block_rows=16)),
    "v2-lift": (70, 2, 1, dict(dim=3, epsilon=0.25, block_rows=32, score="power:4")),
    "v2-polynomial": (
        70, 2, 1, dict(dim=3, epsilon=0.25, block_rows=32, grid_bits=20, score="polynomial:0.5,1,0,0.25"),
    ),
    "v2-onion-and-sample": (
        60, 6, 2, dict(dim=3, epsilon=0.125, block_rows=32, score="expressive", sample_rows=8),
    ),
    "v2-custom": (50, 6, 1, dict(dim=2, epsilon=0.125, block_rows=16, score=logarithm, sample_rows=4)),
    "v2-arrival-weights": (
        100, 1, 1, dict(dim=3, epsilon=0.25, block_rows=32, score="power:10", sample_rows=3),
    ),
}


def keys_of(rows: int, span: int, dim: int, stream: int) -> np.ndarray:
    random = MersenneTwister64(1000 + stream)
    keys = np.empty((rows, dim))
    for i in range(rows):
        for j in range(dim):
            exponent = random.integer(-(span // 2), span // 2)
            keys[i, j] = math.ldexp(random.integer(-1000, 1000), exponent)
    return keys + keys * 2.0**-40 if span > 100 else keys


def test_every_golden_file_is_here(golden: Path) -> None:
    assert {path.stem for path in golden.glob("*.hks")} == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_files_are_made_read_and_written(golden: Path, name: str) -> None:
    rows, span, streams, spec = GOLDEN[name]
    spec = {key: value() if callable(value) else value for key, value in spec.items()}
    bytes_ = (golden / f"{name}.hks").read_bytes()
    sketch = heavykeys.Sketch(**spec)
    for stream in range(streams):
        # One core, as there: weights on arrival (power:10) depend on which block is done first.
        sketch.absorb(keys_of(rows, span, spec["dim"], stream), stream=stream, engine="streaming")
    assert sketch.to_bytes() == bytes_
    read = heavykeys.Sketch.from_bytes(bytes_)
    assert read.to_bytes() == bytes_
    assert read == sketch
    assert heavykeys.Sketch.load(golden / f"{name}.hks").row_count == rows * streams


def test_bytes_are_those_of_the_command(data: Path) -> None:
    """heavykeys sketch --keys tests/data/stream_keys.npy --epsilon 0.005: 20 bits, the keys being float16."""
    keys = np.load(data / "stream_keys.npy")
    sketch = heavykeys.Sketch(keys.shape[1], 0.005, grid_bits=20)
    sketch.absorb(keys)
    digest = hashlib.sha256(sketch.to_bytes()).hexdigest()
    assert digest == "21ed9746c0d5b0135d8e7b86424dd365f4f85dc16ec2df9654bb263390be3fa3"
