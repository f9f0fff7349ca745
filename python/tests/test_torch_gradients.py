"""lev_attention's gradients: finite differences, the reference's autograd, torch's own."""

import need_torch  # noqa: F401  # isort: skip

import math

import heavykeys
import pytest
import torch
from heavykeys.torch import lev_attention
from reference_attention import attention
from torch_cases import MASKS, SCORES, case, conditioning

NAMES = [mask.name for mask in MASKS]


def leaves(*tensors):
    return [t.detach().clone().requires_grad_() for t in tensors]


@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", SCORES)
def test_gradcheck(score, mask):
    given = case(batch=1, group=2, m=4, n=6, d=3, dv=2, mask=mask, dtype=torch.float64)
    call = lambda q, k, v: lev_attention(  # noqa: E731
        q, k, v, given.sets, score=score, scale=0.7, **mask.arguments()
    )
    assert torch.autograd.gradcheck(call, leaves(given.q, given.k, given.v))


@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", ["power:2", "power:4", "polynomial:0.5,1,0.25"])
def test_gradcheck_normalised_over_all_keys(score, mask):
    given = case(batch=1, group=2, m=4, n=6, d=3, dv=2, mask=mask, dtype=torch.float64)
    call = lambda q, k, v: lev_attention(  # noqa: E731
        q, k, v, given.sets, score=score, normalise="all_keys", **mask.arguments()
    )
    assert torch.autograd.gradcheck(call, leaves(given.q, given.k, given.v))


@pytest.mark.parametrize("layout", ["bhsd", "bshd", "strided"])
@pytest.mark.parametrize("mask", MASKS, ids=NAMES)
@pytest.mark.parametrize("score", SCORES)
def test_float32_equals_the_reference(score, mask, layout):
    given = case(mask=mask, layout=layout, d=40, group=3)
    settings = {"score": score, "scale": 1 / math.sqrt(40), **mask.arguments()}
    # A gradient that is not contiguous, as a transpose behind the call makes it.
    rng = torch.Generator().manual_seed(5)
    upstream = torch.randn(2, 6, given.v.shape[3], 7, generator=rng).mT

    def reference(which):
        def gradient(*tensors):
            exact = leaves(*tensors)
            out = attention(*exact, given.lists, until=given.until, **settings)
            return torch.autograd.grad(out, exact[which], upstream.double())[0]

        return gradient

    q, k, v = (t.detach().requires_grad_() for t in (given.q, given.k, given.v))
    lev_attention(q, k, v, given.sets, **settings).backward(upstream)
    for which, mine in enumerate((q, k, v)):
        wanted = reference(which)(*given.in_float64())
        error = (mine.grad.double() - wanted).abs()
        bound = 2e-6 * (1 + wanted.abs().max())
        if not (error <= bound).all():
            bound = bound + conditioning(reference(which), given.in_float64())
        assert (error <= bound).all(), ("qkv"[which], error.max())
        assert ((wanted != 0) | (mine.grad == 0)).all(), "qkv"[which]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_short_gradients(dtype):
    given = case(dtype=dtype, d=64)
    exact = leaves(*given.in_float64())
    attention(*exact, given.lists, scale=0.125).sum().backward()
    q, k, v = leaves(given.q, given.k, given.v)
    lev_attention(q, k, v, given.sets, scale=0.125).sum().backward()
    # `out` was rounded to the dtype, and dq, dk are differences with it.
    eps = torch.finfo(dtype).eps
    for mine, truth in zip((q, k, v), exact, strict=True):
        assert mine.grad.dtype == dtype
        bound = 4 * eps * (truth.grad.abs() + truth.grad.abs().mean() + 1)
        assert ((mine.grad.double() - truth.grad).abs() <= bound).all()


@pytest.mark.parametrize("causal", [False, True])
def test_with_every_key_they_are_torch_gradients(causal):
    rng = torch.Generator().manual_seed(2)
    tensors = [torch.randn(2, 3, 17, 64, generator=rng) for _ in range(3)]
    upstream = torch.randn(2, 3, 17, 64, generator=rng)
    theirs = leaves(*tensors)
    torch.nn.functional.scaled_dot_product_attention(*theirs, is_causal=causal).backward(upstream)
    mine = leaves(*tensors)
    lev_attention(*mine, heavykeys.every_key(2, 3, 17), causal=causal).backward(upstream)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=1e-5)


def test_expanded_gradients_and_keys():
    # sum() hands back a gradient of stride 0; keys shared by the batch have stride 0, too.
    given = case(dtype=torch.float64)
    k, v = given.k[:1].clone().requires_grad_(), given.v[:1].clone().requires_grad_()
    q = given.q.clone().requires_grad_()
    lev_attention(q, k.expand(2, -1, -1, -1), v.expand(2, -1, -1, -1), given.sets).sum().backward()
    exact = leaves(q, k, v)
    shared = (exact[0], exact[1].expand(2, -1, -1, -1), exact[2].expand(2, -1, -1, -1))
    attention(*shared, given.lists, scale=0.25).sum().backward()
    for a, b in zip((q, k, v), exact, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=1e-12)


def test_only_what_asks_gets_a_gradient():
    given = case()
    v = given.v.clone().requires_grad_()
    lev_attention(given.q, given.k, v, given.sets).sum().backward()
    assert v.grad is not None
    assert given.q.grad is None
    with torch.no_grad():
        assert not lev_attention(given.q, given.k, v, given.sets).requires_grad


def test_a_second_derivative_is_refused():
    given = case()
    for upstream in (torch.ones(()), torch.ones((), requires_grad=True)):
        q = given.q.clone().requires_grad_()
        out = lev_attention(q, given.k, given.v, given.sets).sum() * upstream
        (grad,) = torch.autograd.grad(out, q, create_graph=True)
        plain = lev_attention(q, given.k, given.v, given.sets).sum()
        assert torch.equal(grad, torch.autograd.grad(plain, q)[0])
        with pytest.raises(RuntimeError, match="once, not twice"):
            torch.autograd.grad(grad.square().sum(), q)


def test_autocast_gradients_arrive_in_float32():
    given = case()
    q, k, v = leaves(given.q, given.k, given.v)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = lev_attention(q, k, v, given.sets)
    out.float().sum().backward()
    assert {t.grad.dtype for t in (q, k, v)} == {torch.float32}
