"""Files by memory map."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from optional import need

import heavykeys
from heavykeys import io


def write_safetensors(path: Path, name: str, dtype: str, bits: np.ndarray) -> None:
    entry = {"dtype": dtype, "shape": list(bits.shape), "data_offsets": [0, bits.nbytes]}
    text = json.dumps({name: entry}).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bits.tobytes())


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_npy_files_are_views(rng, tmp_path: Path, dtype) -> None:
    keys = rng.standard_normal((3, 50, 4)).astype(dtype)
    np.save(tmp_path / "keys.npy", keys)
    read = io.open_tensor(tmp_path / "keys.npy")
    np.testing.assert_array_equal(read, keys)
    assert read.dtype == dtype and not read.flags.writeable and io.dtype_name(read) == np.dtype(dtype).name
    (address,) = {
        int(line.split("-")[0], 16)
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(str(tmp_path / "keys.npy"))
    }
    assert 0 < read.ctypes.data - address < 4096  # in the map itself, behind the header
    tail = read[2, 40:]
    del read
    np.testing.assert_array_equal(tail, keys[2, 40:])  # a view keeps the map


def test_safetensors_of_a_model(data: Path) -> None:
    keys = io.open_tensor(f"{data}/heads.safetensors:k")
    assert keys.ndim == 3 and keys.dtype == np.float16
    sets = heavykeys.universal_keys(keys, 0.05)
    assert sets.heads == keys.shape[0] and len(sets.keys) > 0


@pytest.mark.parametrize("installed", [False, True])
def test_bfloat16(rng, tmp_path: Path, monkeypatch, installed: bool) -> None:
    wide = rng.standard_normal((80, 3)).astype(np.float32)
    bits = (wide.view(np.uint32) >> 16).astype(np.uint16)
    keys = (bits.astype(np.uint32) << 16).view(np.float32)  # what the bits stand for
    write_safetensors(tmp_path / "t.safetensors", "keys", "BF16", bits)
    if installed:
        need("ml_dtypes")
    else:
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)  # cannot be imported
    read = io.open_tensor(f"{tmp_path}/t.safetensors:keys")
    assert io.dtype_name(read) == "bfloat16" and read.dtype.name == ("bfloat16" if installed else "uint16")
    np.testing.assert_array_equal(read.view(np.uint16), bits)
    assert heavykeys._core._address_of(read[3:, ::2]) == read[3:, ::2].ctypes.data
    sketch, same = heavykeys.Sketch(3, 0.1), heavykeys.Sketch(3, 0.1)
    sketch.absorb(read[::-2])
    same.absorb(keys[::-2])
    assert sketch.finalize().ids.tolist() == same.finalize().ids.tolist()
    np.testing.assert_array_equal(heavykeys.leverage_scores(read), heavykeys.leverage_scores(keys, grid_bits=20))
    out = heavykeys.attend(read[:5], read, read)
    assert io.dtype_name(out) == "bfloat16" and out.dtype == read.dtype
    wide = (out.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(wide, heavykeys.attend(keys[:5], keys, keys), rtol=2**-8, atol=2**-8)
    with pytest.raises(TypeError, match="keys: .* not uint16"):
        sketch.absorb(bits)


def test_errors_name_the_file(tmp_path: Path, data: Path) -> None:
    with pytest.raises(heavykeys.InvalidInput, match="nothing.npy"):
        io.open_tensor(tmp_path / "nothing.npy")
    with pytest.raises(heavykeys.InvalidInput, match="heads.safetensors.*q"):  # those there are
        io.open_tensor(f"{data}/heads.safetensors:nothing")


def test_sketches(tmp_path: Path) -> None:
    sketch = heavykeys.Sketch(2, 0.5)
    sketch.absorb(np.eye(2))
    io.save(sketch, tmp_path / "s.hks")
    assert io.load(tmp_path / "s.hks") == sketch
    assert (tmp_path / "s.hks").read_bytes() == sketch.to_bytes()
