"""Where things are, and keys to try things on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20241007)


@pytest.fixture
def data() -> Path:
    """Keys and queries of a real model: tests/data/README.md."""
    return ROOT / "tests" / "data"


@pytest.fixture
def golden() -> Path:
    """State files of every version of the format."""
    return ROOT / "tests" / "golden"
