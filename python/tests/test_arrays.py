"""Arrays are read where they are, whatever their strides; what cannot be is refused by name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import heavykeys
from heavykeys import Sketch


def views_of(base: np.ndarray) -> dict[str, np.ndarray]:
    """Views of one buffer, in ways that a careless reader would have to copy."""
    frozen = base.view()
    frozen.flags.writeable = False
    return {
        "whole": base,
        "every other row": base[::2],
        "some columns": base[:, 1:4],
        "every third column": base[:, ::3],
        "rows reversed": base[::-1],
        "columns reversed": base[:, ::-1],
        "transposed": base.T,
        "read-only": frozen,
        "one row many times": np.broadcast_to(base[5], (8, base.shape[1])),
        "no rows": base[:0],
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_any_strides_in_place(rng, dtype) -> None:
    base = rng.standard_normal((60, 12)).astype(dtype)
    for name, view in views_of(base).items():
        assert heavykeys._core._address_of(view) == view.ctypes.data, name
        sketch, packed = Sketch(view.shape[1], 0.1), Sketch(view.shape[1], 0.1)
        sketch.absorb(view)
        packed.absorb(view.copy())
        assert sketch == packed, name


def test_the_buffer_protocol_is_read_in_place(rng) -> None:
    keys = rng.standard_normal((20, 3))
    assert heavykeys._core._address_of(memoryview(keys)) == keys.ctypes.data
    sketch, other = Sketch(3, 0.1), Sketch(3, 0.1)
    sketch.absorb(memoryview(keys))
    other.absorb(keys)
    assert sketch == other


def test_results_are_views_that_keep_their_memory(rng) -> None:
    keys = rng.standard_normal((500, 4))
    sketch = Sketch(4, 0.02)
    sketch.absorb(keys)
    set_ = sketch.finalize()
    assert len(set_) > 0
    for name in ("ids", "streams", "leverage", "layer", "keys"):
        first, second = getattr(set_, name), getattr(set_, name)
        assert first.ctypes.data == second.ctypes.data and not first.flags.writeable, name
    entries = heavykeys.heavy_entries(set_, keys[:50])
    kept = {name: getattr(entries, name) for name in ("indptr", "keys", "streams", "weights", "lower", "upper")}
    ids, leverage = set_.ids, set_.leverage
    before = {name: array.copy() for name, array in kept.items()}, ids.copy(), leverage.copy()
    del set_, entries, sketch
    for _ in range(20):  # memory that was freed would be written again
        other = Sketch(4, 0.02)
        other.absorb(rng.standard_normal((500, 4)))
        heavykeys.heavy_entries(other.finalize(), keys[:50])
    for name, array in kept.items():
        np.testing.assert_array_equal(array, before[0][name])
    np.testing.assert_array_equal(ids, before[1])
    np.testing.assert_array_equal(leverage, before[2])


MEMORY = """
import numpy as np
import heavykeys

def peak():  # MiB, of this process alone: ru_maxrss would begin with its parent's
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

view = {view}
keys = view(np.ones({shape}, np.float32))
keys[3, 2] = 5  # something to find
def use():
    {use}
before = peak()
use()
used = peak() - before
before = peak()
copy = np.array(keys)
print(used, peak() - before)
"""
SKETCH = """
    sketch = heavykeys.Sketch(keys.shape[1], 0.5)
    sketch.absorb(keys, threads=2)
    heavykeys.heavy_entries(sketch.finalize(), keys[:1000])
"""
ATTEND = """
    sets = heavykeys.KeySets(np.arange(0, len(keys), 1000), [0, (len(keys) + 999) // 1000], len(keys))
    heavykeys.attend(keys[:50], keys, keys, sets)
    heavykeys.attend(keys[:50], keys, keys, sets, score="power:2", normalise="all-keys")
"""


@pytest.mark.parametrize(
    ("shape", "view", "use"),
    [
        ("(3_200_000, 32)", "lambda a: a", SKETCH),
        ("(1_600_000, 64)", "lambda a: a[::-1, ::-1]", SKETCH),
        ("(64, 400_000)", "lambda a: a.T", SKETCH),
        ("(400_000, 128)", "lambda a: a[:, ::2]", SKETCH),
        ("(400_000, 64)", "lambda a: a[::-1]", "heavykeys.scan(keys, keys[:16], 0.5)"),
        ("(400_000, 128)", "lambda a: a[:, ::2]", "heavykeys.universal_keys(keys, 0.5)"),
        ("(1_600_000, 64)", "lambda a: a[::-1]", ATTEND),
    ],
)
def test_no_copy_is_made(shape: str, view: str, use: str) -> None:
    """Peak memory of a process of its own grows by workspace alone; a copy of the 400 or 100 MB, made to compare,
    shows."""
    text = MEMORY.format(shape=shape, view=view, use=use)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    used, copied = (float(number) for number in done.stdout.split())
    assert copied > 60
    assert used < 40


class Gpu:
    """An array on a GPU, as far as one can tell before asking for its memory."""

    shape = (4, 3)
    dtype = "float32"

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)

    def __dlpack__(self, **_):
        raise AssertionError("its memory was asked for")


KEYS = np.ones((4, 3))
REFUSED = [
    ("int64", KEYS.astype(np.int64), TypeError, "keys: .* not int64"),
    ("complex", KEYS.astype(complex), TypeError, "keys: .* not complex128"),
    ("bool", KEYS.astype(bool), TypeError, "keys: .* not bool"),
    ("long double", KEYS.astype(np.longdouble), TypeError, "keys: .*"),
    ("objects", KEYS.astype(object), TypeError, "keys: .* not ndarray of object"),
    ("a list", KEYS.tolist(), TypeError, "keys: .* not list"),
    ("None", None, TypeError, "keys: .* not NoneType"),
    ("text", "keys", TypeError, "keys: .* not str"),
    ("bytes", b"keys", TypeError, "keys: .* not uint8"),
    ("one axis", KEYS[0], ValueError, r"keys: its shape is \(3,\); \[n, d\] is needed"),
    ("three axes", KEYS[None], ValueError, r"keys: its shape is \(1, 4, 3\); \[n, d\] is needed"),
    ("another dim", KEYS[:, :2], ValueError, r"keys: its shape is \(4, 2\), but the sketch has dim 3"),
    ("big-endian", KEYS.astype(">f8"), ValueError, "keys: dtype >f8 is not in this machine's byte order"),
    (
        "unaligned",
        np.frombuffer(b"\0" * 97, np.uint8)[1:].view(np.float64).reshape(4, 3),
        ValueError,
        "keys: its elements are not aligned in memory",
    ),
    (
        "packed structs",
        np.zeros(4, [("a", "u1"), ("k", "f4", 3)])["k"],
        ValueError,
        "keys: its elements are not aligned in memory",
    ),
    ("a GPU", Gpu(), ValueError, r"keys: it is on device type 2 \(DLPack\); CPU memory is needed"),
]


@pytest.mark.parametrize(("array", "error", "text"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refusals_name_the_argument(array, error: type[Exception], text: str) -> None:
    sketch = Sketch(3, 0.5)
    with pytest.raises(error, match=text):
        sketch.absorb(array)
    assert sketch.row_count == 0


def test_the_argument_is_named_in_other_functions_too(rng) -> None:
    sketch = Sketch(3, 0.5)
    sketch.absorb(KEYS)
    with pytest.raises(TypeError, match="queries: .* not int64"):
        heavykeys.heavy_entries(sketch.finalize(), KEYS.astype(np.int64))
    with pytest.raises(ValueError, match=r"queries: its shape is \(4, 2\), but the set has dim 3"):
        heavykeys.heavy_entries(sketch.finalize(), KEYS[:, :2])
    with pytest.raises(ValueError, match=r"keys: its shape is \(3,\)"):
        heavykeys.leverage_scores(KEYS[0])
