"""Tensors of torch, where it is installed. With HEAVYKEYS_TEST_TORCH=1 it has to be."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from optional import need

import heavykeys
from heavykeys import Sketch

torch = need("torch")

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_are_read_in_place(dtype: torch.dtype) -> None:
    torch.manual_seed(5)
    base = torch.randn(60, 12).to(dtype)
    views = [base, base[::2], base[:, 1:5], base[:, ::3], base.T, base[4].expand(9, 12), base[:0]]
    for view in views:
        if view.numel():
            assert heavykeys._core._address_of(view) == view.data_ptr()
        sketch, same = Sketch(view.shape[1], 0.1), Sketch(view.shape[1], 0.1)
        sketch.absorb(view)
        same.absorb(view.to(torch.float64).numpy().copy())
        assert sketch.finalize().ids.tolist() == same.finalize().ids.tolist()
        np.testing.assert_array_equal(sketch.finalize().keys, same.finalize().keys)


MEMORY = """
import torch
import heavykeys

def peak():  # MiB, of this process alone: ru_maxrss would begin with its parent's
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

keys = torch.ones(1_600_000, 128, dtype=torch.bfloat16)[:, ::2]
before = peak()
sketch = heavykeys.Sketch(64, 0.5)
sketch.absorb(keys, threads=2)
heavykeys.universal_keys(keys, 0.5, threads=2)
used = peak() - before
before = peak()
copy = keys.contiguous()
print(used, peak() - before)
"""


def test_no_copy_is_made_of_a_strided_tensor() -> None:
    """As in test_arrays.py: 400 MB, every other column of which is read."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    used, copied = (float(number) for number in done.stdout.split())
    assert copied > 120
    assert used < 60


def test_what_requires_grad_is_read_where_results_have_none() -> None:
    keys = torch.randn(40, 3, requires_grad=True)
    assert heavykeys._core._address_of(keys) == keys.data_ptr()
    sketch, same = Sketch(3, 0.1), Sketch(3, 0.1)
    sketch.absorb(keys * 2)  # part of a graph, no leaf
    same.absorb((keys * 2).detach())
    assert sketch == same
    assert heavykeys.universal_keys(keys, 0.1) == heavykeys.universal_keys(keys.detach(), 0.1)


def test_attend_refuses_to_lose_gradients() -> None:
    q, k, v = (torch.randn(2, 8, 4) for _ in range(3))
    k.requires_grad_()
    with pytest.raises(ValueError, match="k: requires grad"):
        heavykeys.attend(q, k, v)
    with torch.no_grad():
        out = heavykeys.attend(q, k, v)
    torch.testing.assert_close(out, torch.nn.functional.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_attend_returns_tensors(dtype: torch.dtype) -> None:
    torch.manual_seed(6)
    q, k, v = (torch.randn(2, 3, 10, 8).to(dtype) for _ in range(3))
    out = heavykeys.attend(q, k, v, causal=True)
    assert isinstance(out, torch.Tensor) and out.dtype == dtype
    wide = torch.nn.functional.scaled_dot_product_attention(q.double(), k.double(), v.double(), is_causal=True)
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(out.double(), wide, rtol=4 * eps, atol=4 * eps)
    room = torch.zeros_like(out)
    assert heavykeys.attend(q, k, v, causal=True, out=room) is room
    assert torch.equal(room, out)


def test_gradients_are_those_of_autograd() -> None:
    torch.manual_seed(7)
    q, k, v = (torch.randn(2, 3, 10, 8, dtype=torch.float64, requires_grad=True) for _ in range(3))
    grad_out = torch.randn(2, 3, 10, 8, dtype=torch.float64)
    wide = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = torch.autograd.grad(wide, (q, k, v), grad_out)
    with torch.no_grad():
        out, sums = heavykeys.attend(q, k, v, causal=True, return_sums=True)
        found = heavykeys.attend_backward(q, k, v, out, sums, grad_out, causal=True)
    for gradient, known in zip(found, expected):
        assert isinstance(gradient, torch.Tensor)
        torch.testing.assert_close(gradient, known, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("tensor", "error", "text"),
    [
        (torch.zeros(4, 3, device="meta"), ValueError, "keys: it is on device meta; CPU memory is needed"),
        (torch.zeros(4, 3, dtype=torch.int8), TypeError, "keys: .* not int8"),
        (torch.zeros(4, 3, dtype=torch.float8_e4m3fn), TypeError, "keys: .*float8_e4m3fn"),
        (torch.zeros(4, 3).to_sparse(), TypeError, "keys: .* not torch.Tensor"),
        (torch.zeros(4, 3, dtype=torch.complex64), TypeError, "keys: .* not complex64"),
        (torch.zeros(4, 2), ValueError, r"keys: its shape is \(4, 2\), but the sketch has dim 3"),
        (torch.zeros(3), ValueError, r"keys: its shape is \(3,\)"),
    ],
    ids=["meta", "int8", "float8", "sparse", "complex", "another dim", "one axis"],
)
def test_refusals_name_the_argument(tensor: torch.Tensor, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Sketch(3, 0.5).absorb(tensor)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_tensors_on_a_gpu_are_refused() -> None:
    with pytest.raises(ValueError, match="keys: it is on device cuda:0; CPU memory is needed"):
        Sketch(3, 0.5).absorb(torch.zeros(4, 3, device="cuda"))


def test_results_become_tensors_without_a_copy() -> None:
    sketch = Sketch(3, 0.1)
    sketch.absorb(torch.randn(100, 3))
    leverage = sketch.finalize().leverage
    shared = torch.from_dlpack(leverage.copy())
    assert shared.dtype == torch.float64 and shared.shape == leverage.shape


def test_negated_tensors_are_refused() -> None:
    torch.manual_seed(8)
    negated = torch.randn(1, 1, 5, 3, dtype=torch.complex64).conj().imag
    plain = negated.resolve_neg()
    for at, name in enumerate("qkv"):
        arguments = [plain, plain, plain]
        arguments[at] = negated
        with pytest.raises(heavykeys.InvalidInput, match=rf"{name}: it has the negative bit set: pass .resolve_neg"):
            heavykeys.attend(*arguments)
    out = torch._neg_view(torch.zeros(1, 1, 5, 3))
    with pytest.raises(heavykeys.InvalidInput, match="out: it has the negative bit set"):
        heavykeys.attend(plain, plain, plain, out=out)
    assert not out.any()
    with pytest.raises(heavykeys.InvalidInput, match="keys: it has the negative bit set"):
        Sketch(3, 0.5).absorb(negated[0, 0])
    with pytest.raises(TypeError, match="keys: .* not complex64"):  # with the conjugate bit
        Sketch(3, 0.5).absorb(torch.zeros(4, 3, dtype=torch.complex64).conj())
