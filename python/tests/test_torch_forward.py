"""lev_attention's values: the float64 reference, and torch's own attention."""

import need_torch  # noqa: F401  # isort: skip

import math

import heavykeys
import pytest
import torch
from heavykeys.torch import lev_attention
from reference_attention import attention
from torch_cases import MASKS, SCORES, Mask, case, strided

NAMES = [mask.name for mask in MASKS]
LAYOUTS = ["bhsd", "bshd", "strided"]


def check(given, mask, score, relative, absolute=1e-6, **more):
    scale = 1 / math.sqrt(given.q.shape[3])
    settings = {"score": score, "scale": scale, **mask.arguments(), **more}

    wanted = attention(*given.in_float64(), given.lists, until=given.until, **settings)
    out = lev_attention(given.q, given.k, given.v, given.sets, **settings)
    assert out.dtype == given.q.dtype
    assert out.shape == wanted.shape
    error = (out.double() - wanted).abs()
    assert (error <= relative * wanted.abs() + absolute).all(), error.max()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", SCORES)
def test_equals_the_reference(score, mask, layout):
    for group in (1, 3):
        check(case(mask=mask, layout=layout, group=group), mask, score, 0.0)


@pytest.mark.parametrize("d", [1, 16, 40, 64, 80, 128, 256])
@pytest.mark.parametrize("score", SCORES)
def test_every_head_dimension(score, d):
    for mask in (MASKS[0], MASKS[3]):
        check(case(mask=mask, d=d, dv=d), mask, score, 0.0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", SCORES)
def test_short_floats_are_rounded_once(score, mask, dtype):
    # The unit roundoff of a dtype is eps / 2; float32 inside adds 1e-6.
    check(case(mask=mask, dtype=dtype, d=64), mask, score, torch.finfo(dtype).eps / 2 * 1.001)


@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", SCORES)
def test_float64_is_computed_in_float64(score, mask):
    check(case(mask=mask, dtype=torch.float64), mask, score, 0.0, 1e-13)


@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", ["power:2", "power:4", "polynomial:0.5,1,0.25"])
def test_normalised_over_all_keys(score, mask):
    for dtype, error in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        check(case(mask=mask, dtype=dtype), mask, score, 0.0, error, normalise="all_keys")


@pytest.mark.parametrize("m", [1, 19, 30])
def test_any_number_of_queries(m):
    # 30 queries on 19 keys: the first 11 see nothing, and get zeros.
    for mask in MASKS:
        check(case(m=m, mask=mask), mask, "softmax", 0.0)
    causal = Mask("causal", causal=True)
    given = case(m=30, mask=causal)
    assert not lev_attention(given.q, given.k, given.v, given.sets, causal=True)[:, :, :11].any()


def test_the_layout_bshd_exchanges_axes():
    given = case()
    wanted = lev_attention(given.q, given.k, given.v, given.sets)
    q, k, v = (t.transpose(1, 2).contiguous() for t in (given.q, given.k, given.v))
    out = lev_attention(q, k, v, given.sets, layout="bshd")
    assert out.is_contiguous()
    assert torch.equal(out.transpose(1, 2), wanted)


def test_memory_does_not_change_a_bit():
    given = case(d=40)
    wanted = lev_attention(given.q, given.k, given.v, given.sets)
    for layout in LAYOUTS:
        q, k, v = (strided(t, layout) for t in (given.q, given.k, given.v))
        for threads in (1, 2, 3):
            assert torch.equal(lev_attention(q, k, v, given.sets, threads=threads), wanted)


def test_tensors_are_not_copied():
    # 2^34 equal rows: no machine holds a copy of these keys (8 TiB).
    n = 2**34
    k = torch.randn(1, 1, 1, 128).expand(1, 1, n, 128)
    v = torch.ones(1, 1, 1, 128).expand(1, 1, n, 128)
    out = lev_attention(torch.randn(1, 2, 3, 128), k, v, [[0, 5, n - 1]])
    assert torch.allclose(out, torch.ones(1, 2, 3, 128))


@pytest.mark.parametrize("causal", [False, True])
def test_with_every_key_it_is_torch_attention(causal):
    rng = torch.Generator().manual_seed(1)
    for d in (16, 40, 64, 80, 128, 256):
        q, k, v = (torch.randn(2, 3, 33, d, generator=rng) for _ in range(3))
        wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        sets = heavykeys.every_key(2, 3, 33)
        out = lev_attention(q, k, v, sets, causal=causal)
        torch.testing.assert_close(out, wanted, rtol=0, atol=1e-5)
        assert torch.equal(lev_attention(q, k, v, budget=33, causal=causal), out)


def test_the_default_scale():
    given = case(d=16)
    q, k, v, sets = given.q, given.k, given.v, given.sets
    for score, scale in (("softmax", 0.25), ("softmax:0.5", 1.0), ("expressive", 1.0)):
        wanted = lev_attention(q, k, v, sets, score=score, scale=scale)
        assert torch.equal(lev_attention(q, k, v, sets, score=score), wanted)


def test_autocast_computes_in_bfloat16():
    given = case()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = lev_attention(given.q, given.k.bfloat16(), given.v, given.sets)
    short = (t.bfloat16() for t in (given.q, given.k, given.v))
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, lev_attention(*short, given.sets))


@pytest.mark.parametrize("layout", ["bhsd", "bshd"])
@pytest.mark.parametrize("keys", [{"epsilon": 0.05}, {"budget": 6}], ids=str)
def test_negated_tensors_are_read_with_their_sign(layout, keys):
    torch.manual_seed(9)
    pairs = [torch.randn(2, 4, 9, 4, dtype=torch.complex128, requires_grad=True) for _ in "qkv"]
    grad_out = torch.randn(2, 4, 9, 4, dtype=torch.complex128).conj().imag
    results = []
    for resolved in (False, True):
        q, k, v = (p.conj().imag for p in pairs)
        g = grad_out.resolve_neg() if resolved else grad_out
        if resolved:
            q, k, v = q.resolve_neg(), k.resolve_neg(), v.resolve_neg()
        assert q.is_neg() != resolved and g.is_neg() != resolved
        out = lev_attention(q, k, v, layout=layout, **keys)
        results.append((out, *torch.autograd.grad(out, pairs, g)))
    for found, known in zip(*results):
        assert torch.equal(found, known)


def test_negated_keys_are_scored_with_their_sign():
    keys = torch.randn(1, 2, 30, 4, dtype=torch.complex128).conj().imag
    known = heavykeys.torch.LeverageScorer().score(None, None, keys.resolve_neg())
    assert torch.equal(heavykeys.torch.LeverageScorer().score(None, None, keys), known)
    stream, same = (heavykeys.torch.KeyStream(1, 2, 4, 0.1) for _ in range(2))
    stream.append(keys)
    same.append(keys.resolve_neg())
    assert stream.sketches == same.sketches
