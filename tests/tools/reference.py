"""The definitions of docs/theory.md in plain NumPy float64, and files to try them on."""

import json
import struct

import numpy as np

BLOCK = 4096


def gridded(keys, bits):
    """The keys after rounding each block of each column to `bits` bits below its maximum."""
    out = np.asarray(keys, dtype=np.float64).copy()
    for begin in range(0, len(out), BLOCK):
        block = out[begin : begin + BLOCK]
        exponent = np.frexp(np.abs(block).max(axis=0))[1]
        scale = np.ldexp(1.0, bits - exponent)
        block[:] = np.rint(block * scale) / scale
    return out


def grid_bits(dtype):
    return 20 if np.dtype(dtype).itemsize == 2 else 24


def leverage(keys):
    gram = keys.T @ keys
    return np.einsum("ij,jk,ik->i", keys, np.linalg.pinv(gram, rcond=1e-12, hermitian=True), keys)


def weights(queries, keys):
    """[m, n]; the rows of queries that no key answers are 0."""
    scores = (np.asarray(queries, np.float64) @ keys.T) ** 2
    total = scores.sum(axis=1, keepdims=True)
    return np.divide(scores, total, out=np.zeros_like(scores), where=total > 0)


def causal_weights(queries, keys):
    scores = (np.asarray(queries, np.float64) @ keys.T) ** 2
    m, n = scores.shape
    seen = np.arange(n)[None, :] <= np.arange(m)[:, None] + (n - m)
    scores = np.where(seen, scores, 0.0)
    total = scores.sum(axis=1, keepdims=True)
    return np.divide(scores, total, out=np.zeros_like(scores), where=total > 0)


def spiked_keys(rng, n, d, dtype, spikes=12):
    """Rows of noise, a few of them far out, so that some keys are heavy at every sensible epsilon."""
    keys = rng.standard_normal((n, d)) * np.exp(rng.uniform(-2, 2, d))
    keys[rng.choice(n, spikes, replace=False)] *= rng.uniform(20, 60, (spikes, 1))
    return keys.astype(dtype)


def to_bfloat16(values):
    """float32 to bfloat16, rounded to nearest even: the bits, and the values they stand for."""
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return bits, (bits.astype(np.uint32) << 16).view(np.float32)


def write_safetensors(path, tensors):
    """tensors: name -> (dtype name, array)."""
    header, data = {"__metadata__": {"made": "by hand"}}, b""
    for name, (dtype, array) in tensors.items():
        blob = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(blob)],
        }
        data += blob
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path, name):
    """A float16 tensor."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8 : 8 + length])[name]
    assert entry["dtype"] == "F16"
    begin, end = (8 + length + offset for offset in entry["data_offsets"])
    return np.frombuffer(data[begin:end], np.float16).reshape(entry["shape"])
