"""Files: keys by memory map, sketches as the command `heavykeys` writes them.

    >>> from heavykeys import io
    >>> keys = io.open_tensor("tests/data/heads.safetensors:k")
    >>> keys.shape, io.dtype_name(keys)
    ((12, 256, 32), 'float16')
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from heavykeys._core import Score, Sketch, _open_tensor

__all__ = ["dtype_name", "load", "open_tensor", "save"]

_BFLOAT16 = np.dtype("uint16", metadata={"heavykeys": "bfloat16"})


def open_tensor(name: str | os.PathLike[str]) -> np.ndarray:
    """The tensor [n, d] or [heads, n, d] in "file.npy" or "file.safetensors:name", read-only, not read until used.

    NumPy has no bfloat16. With the package ml_dtypes such a tensor has its dtype bfloat16; without, it is a uint16
    array that dtype_name, and every function of heavykeys, knows for bfloat16.
    """
    array, dtype = _open_tensor(os.fspath(name))
    if dtype != "bfloat16":
        return array
    try:
        import ml_dtypes
    except ImportError:
        return array.view(_BFLOAT16)
    return array.view(ml_dtypes.bfloat16)


def dtype_name(array: np.ndarray) -> str:
    """The name of the dtype, "bfloat16" for what open_tensor gave as uint16 too."""
    notes: Any = array.dtype.metadata or {}
    return str(notes.get("heavykeys", array.dtype.name))


def save(sketch: Sketch, path: str | os.PathLike[str]) -> None:
    """Sketch.save: canonical bytes, by way of a temporary file beside `path`."""
    sketch.save(path)


def load(path: str | os.PathLike[str], *, custom: Score | None = None) -> Sketch:
    """Sketch.load. The function of a custom score, which files do not hold, is taken from `custom`."""
    return Sketch.load(path, custom=custom)
