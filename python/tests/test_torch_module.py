"""LevAttention in the place of nn.MultiheadAttention."""

import need_torch  # noqa: F401  # isort: skip

import copy

import heavykeys
import pytest
import torch
from heavykeys.torch import LevAttention, lev_attention
from torch import nn

EVERY = 1000  # a budget no test has keys for: all of them


def pair(*sizes, **settings):
    """nn.MultiheadAttention and LevAttention with its weights."""
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(*sizes, **settings)
    if theirs.in_proj_bias is not None:  # they start at 0, which would test nothing
        nn.init.normal_(theirs.in_proj_bias)
        nn.init.normal_(theirs.out_proj.bias)
    mine = LevAttention(*sizes, **settings, budget=EVERY)
    mine.load_state_dict(theirs.state_dict())
    return theirs, mine


def same(theirs, mine, *inputs, **settings):
    """Equal outputs, and equal gradients of every parameter and input."""
    results = []
    for module in (theirs, mine):
        rows = [x.clone().requires_grad_() for x in inputs]
        out, weights = module(*rows, need_weights=False, **settings)
        assert weights is None
        upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(3))
        parameters = [*module.parameters(), *rows]
        results.append((out, *torch.autograd.grad(out, parameters, upstream)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_with_every_key_it_is_multihead_attention(batch_first, bias):
    theirs, mine = pair(24, 3, bias=bias, batch_first=batch_first)
    same(theirs, mine, *(torch.randn(2, 7, 24) for _ in range(3)))
    x = torch.randn(2, 7, 24)
    torch.testing.assert_close(mine(x, x, x)[0], theirs(x, x, x)[0], rtol=0, atol=1e-5)


def test_other_widths_of_keys_and_values():
    theirs, mine = pair(24, 3, kdim=10, vdim=14, batch_first=True)
    same(theirs, mine, torch.randn(2, 5, 24), torch.randn(2, 9, 10), torch.randn(2, 9, 14))


def test_one_sequence():
    theirs, mine = pair(24, 3, batch_first=True)
    same(theirs, mine, *(torch.randn(7, 24) for _ in range(3)))


def test_causal_masks():
    theirs, mine = pair(24, 3, batch_first=True)
    inputs = [torch.randn(2, 7, 24) for _ in range(3)]
    floats = nn.Transformer.generate_square_subsequent_mask(7)
    for mask in (floats, floats == -torch.inf):
        same(theirs, mine, *inputs, attn_mask=mask)
        same(theirs, mine, *inputs, attn_mask=mask, is_causal=True)
    mine.causal = True
    wanted = theirs(*inputs, attn_mask=floats, need_weights=False)[0]
    torch.testing.assert_close(mine(*inputs)[0], wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("choice", [{"budget": EVERY}, {"epsilon": 1e-6}])
def test_padded_keys_are_left_out(choice):
    theirs, mine = pair(24, 3, batch_first=True)
    mine.budget, mine.epsilon = choice.get("budget"), choice.get("epsilon")
    inputs = [torch.randn(2, 7, 24) for _ in range(3)]
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[0, 4:] = True
    same(theirs, mine, *inputs, key_padding_mask=padding)
    floats = torch.zeros(2, 7).masked_fill(padding, -torch.inf)
    same(theirs, mine, *inputs, key_padding_mask=floats)
    causal = torch.ones(7, 7, dtype=torch.bool).triu(1)
    same(theirs, mine, *inputs, key_padding_mask=padding, attn_mask=causal)


def test_padding_does_not_decide_which_keys_are_chosen():
    mine = LevAttention(24, 3, batch_first=True, budget=2)
    x = torch.randn(1, 7, 24)
    padding = torch.arange(7)[None] >= 5
    long = x.clone()
    long[:, 5:] *= 100
    wanted = mine(x[:, :5], x[:, :5], x[:, :5])[0]
    out = mine(x[:, :5], long, long, key_padding_mask=padding)[0]
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-6)


def test_state_dicts_are_the_same():
    for settings in ({}, {"kdim": 10, "vdim": 14}, {"bias": False}):
        torch.manual_seed(7)
        theirs = nn.MultiheadAttention(24, 3, **settings)
        torch.manual_seed(7)
        mine = LevAttention(24, 3, **settings, budget=4)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        for name, value in theirs.state_dict().items():
            assert torch.equal(mine.state_dict()[name], value)  # equal seeds, too
        theirs.load_state_dict(mine.state_dict())


@pytest.mark.parametrize("choice", [{"budget": 3}, {"epsilon": 0.6}])
def test_restricted_to_few_keys(choice):
    torch.manual_seed(1)
    settings = {"score": "expressive", "scale": 0.3, "sinks": 1, "window": 2, **choice}
    mine = LevAttention(24, 3, batch_first=True, **settings)
    x = torch.randn(2, 9, 24)
    rows = nn.functional.linear(x, mine.in_proj_weight, mine.in_proj_bias)
    q, k, v = (t.unflatten(-1, (3, 8)) for t in rows.chunk(3, -1))
    out = lev_attention(q, k, v, layout="bshd", **settings)
    wanted = mine.out_proj(out.flatten(2))
    assert torch.equal(mine(x, x, x)[0], wanted)
    mine.budget, mine.epsilon = EVERY, None  # attributes count at the next call
    assert not torch.allclose(mine(x, x, x)[0], wanted, atol=1e-3)


def test_select_chooses_freely():
    seen = []

    def newest(keys):
        seen.append(keys.shape)
        return [[keys.shape[2] - 1]] * (keys.shape[0] * keys.shape[1])

    mine = LevAttention(24, 3, batch_first=True, select=newest)
    x = torch.randn(2, 9, 24)
    out = mine(x, x, x)[0]
    value = x[:, -1:] @ mine.in_proj_weight[48:].T + mine.in_proj_bias[48:]
    torch.testing.assert_close(out, mine.out_proj(value).expand_as(out), rtol=0, atol=1e-5)
    assert seen == [(2, 3, 9, 8)]


def test_inside_a_transformer_layer_in_eval_mode():
    # There, torch would compute full attention from the weights, past forward(); with an even
    # number of heads only.
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(24, 4, 48, dropout=0.0, batch_first=True)
    full = copy.deepcopy(layer).eval()
    attention = LevAttention(24, 4, batch_first=True, budget=EVERY)
    attention.load_state_dict(layer.self_attn.state_dict())
    layer.self_attn = attention
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    x = torch.randn(2, 9, 24)
    with torch.no_grad():
        torch.testing.assert_close(layer.eval()(x), full(x), rtol=0, atol=1e-5)
        attention.budget = 2
        assert not torch.allclose(layer(x), full(x), atol=1e-3)
        encoder.layers[0].self_attn.budget = encoder.layers[1].self_attn.budget = 2
        training = encoder.train()(x)
        assert torch.equal(encoder.eval()(x), training)


def test_what_it_cannot_do_is_refused():
    for settings in ({"dropout": 0.1}, {"add_bias_kv": True}, {"add_zero_attn": True}):
        with pytest.raises(heavykeys.InvalidInput, match="dropout"):
            LevAttention(24, 3, **settings, budget=4)
    with pytest.raises(heavykeys.InvalidInput, match="exactly one"):
        LevAttention(24, 3)
    with pytest.raises(heavykeys.InvalidInput, match="divide"):
        LevAttention(25, 3, budget=4)
    mine = LevAttention(24, 3, budget=4)
    x = torch.randn(7, 2, 24)
    with pytest.raises(heavykeys.InvalidInput, match="need_weights"):
        mine(x, x, x, need_weights=True)
    band = torch.ones(7, 7, dtype=torch.bool).triu(2)
    biased = nn.Transformer.generate_square_subsequent_mask(7) + torch.arange(7.0)
    for mask in (band, biased, torch.randn(7, 7), torch.zeros(6, 7, 7)):
        with pytest.raises(heavykeys.InvalidInput, match="attn_mask"):
            mine(x, x, x, attn_mask=mask)
    mine.window = 2
    with pytest.raises(heavykeys.InvalidInput, match="key_padding_mask"):
        mine(x, x, x, key_padding_mask=torch.zeros(2, 7, dtype=torch.bool))


def test_under_autocast_and_compile():
    mine = LevAttention(24, 3, batch_first=True, budget=4)
    x = torch.randn(2, 9, 24)
    plain = mine(x, x, x)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        short = mine(x, x, x)[0]
    assert short.dtype == torch.bfloat16
    torch.testing.assert_close(short.float(), plain, rtol=0.05, atol=0.05)
    compiled = torch.compile(mine, backend="eager")
    torch.testing.assert_close(compiled(x, x, x)[0], plain)
    assert copy.deepcopy(mine)(x, x, x)[0].equal(plain)
