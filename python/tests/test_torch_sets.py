"""Which keys lev_attention attends to: the forms of `sets`, epsilon and budget; and refusals."""

import need_torch  # noqa: F401  # isort: skip

import heavykeys
import numpy as np
import pytest
import torch
from heavykeys.torch import lev_attention
from torch_cases import Mask, case


def test_the_forms_of_sets():
    given = case()
    q, k, v = given.q, given.k, given.v
    wanted = lev_attention(q, k, v, given.sets)
    shuffled = [[*reversed(rows), *rows[:1]] for rows in given.lists]
    assert torch.equal(lev_attention(q, k, v, shuffled), wanted)
    mask = torch.zeros(2, 2, 19, dtype=torch.bool)
    for index, rows in enumerate(given.lists):
        mask[index // 2, index % 2, rows] = True
    assert torch.equal(lev_attention(q, k, v, mask), wanted)


def test_rows_of_topk():
    given = case()
    rows = given.k.norm(dim=-1).topk(5, dim=-1).indices
    lists = [sorted(r) for r in rows.flatten(0, 1).tolist()]
    out = lev_attention(given.q, given.k, given.v, rows)
    assert torch.equal(out, lev_attention(given.q, given.k, given.v, lists))


@pytest.mark.parametrize("causal", [False, True])
def test_budget_takes_the_greatest_leverages(causal):
    given = case(n=40)
    lists = []
    for rows in given.k.flatten(0, 1):
        leverage = heavykeys.leverage_scores(rows)
        lists.append(np.sort(np.argsort(-leverage, kind="stable")[:6]).tolist())
    out = lev_attention(given.q, given.k, given.v, budget=6, causal=causal)
    assert torch.equal(out, lev_attention(given.q, given.k, given.v, lists, causal=causal))


def test_epsilon_takes_the_universal_set():
    given = case(n=60, d=8)
    for score, own in (("softmax", "power:2"), ("power:2", "power:2"), ("power:4", "power:4")):
        lists = []
        for rows in given.k.flatten(0, 1):
            sketch = heavykeys.Sketch(8, 0.15, own)
            sketch.absorb(rows)
            lists.append(sketch.finalize().ids.tolist())
        assert 0 < sum(map(len, lists)) < 4 * 60
        out = lev_attention(given.q, given.k, given.v, epsilon=0.15, score=score)
        wanted = lev_attention(given.q, given.k, given.v, lists, score=score)
        assert torch.equal(out, wanted)


def test_epsilon_with_causal_never_sees_the_future():
    n, block = 96, 16
    given = case(n=n, m=n, d=4)
    settings = {"epsilon": 0.2, "score": "power:2", "causal": True, "block_rows": block}
    whole = lev_attention(given.q, given.k, given.v, **settings)
    for rows in (17, 40, 95):
        q, k, v = (t[:, :, :rows] for t in (given.q, given.k, given.v))
        assert torch.equal(lev_attention(q, k, v, **settings), whole[:, :, :rows])
    # And the set does leave keys out.
    assert not torch.equal(whole, lev_attention(given.q, given.k, given.v, budget=n, causal=True))


def test_exactly_one_choice_of_keys():
    given = case()
    for choice in ({}, {"epsilon": 0.1, "budget": 3}, {"sets": given.sets, "budget": 3}):
        with pytest.raises(heavykeys.InvalidInput, match="exactly one"):
            lev_attention(given.q, given.k, given.v, **choice)


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        ([[0]] * 3, "3 lists"),
        ([[0], [0], [0], [19]], "19"),
        ([[0], [0], [0], [-1]], "-1"),
        (torch.zeros(2, 2, 18, dtype=torch.bool), "bool"),
        (torch.zeros(2, 19, dtype=torch.int64), "int"),
        (torch.zeros(2, 2, 19), "float32"),
        (heavykeys.every_key(2, 2, 18), "18"),
        (heavykeys.every_key(1, 2, 19), "1"),
    ],
)
def test_sets_that_do_not_belong_to_the_keys(sets, text):
    given = case()
    with pytest.raises(heavykeys.InvalidInput, match=text):
        lev_attention(given.q, given.k, given.v, sets)


def test_tensors_that_do_not_belong_together():
    given = case()
    q, k, v, sets = given.q, given.k, given.v, given.sets
    with pytest.raises(heavykeys.InvalidInput, match=r"k is torch\.float64"):
        lev_attention(q, k.double(), v, sets)
    with pytest.raises(heavykeys.InvalidInput, match="int64"):
        lev_attention(q.long(), k.long(), v.long(), sets)
    with pytest.raises(heavykeys.InvalidInput, match="four axes"):
        lev_attention(q[0], k, v, sets)
    with pytest.raises(heavykeys.InvalidInput, match="meta"):
        lev_attention(q, k.to("meta"), v, sets)
    with pytest.raises(heavykeys.InvalidInput, match="layout"):
        lev_attention(q, k, v, sets, layout="sbhd")
    for bad in ({"q": q[:, :3]}, {"k": k[..., :15]}, {"v": v[:, :, :18]}, {"v": v[:1]}):
        with pytest.raises(heavykeys.InvalidInput):
            lev_attention(**{"q": q, "k": k, "v": v, "sets": sets, **bad})
    for bad in ({"score": "softmin"}, {"scale": 0.0}, {"normalise": "none"}):
        with pytest.raises(heavykeys.InvalidInput):
            lev_attention(q, k, v, sets, **bad)
    with pytest.raises(heavykeys.InvalidInput):
        lev_attention(q, k, v, sets, normalise="all_keys")  # softmax: no closed form


def test_nan_in_a_key_is_named():
    given = case()
    row = given.lists[1][0]
    given.k[0, 1, row, 3] = float("nan")
    with pytest.raises(heavykeys.InvalidInput, match=f"(?i)nan.*{row}|{row}.*nan"):
        lev_attention(given.q, given.k, given.v, given.sets)


def test_sinks_and_window_alone():
    given = case(mask=Mask("none"))
    nothing = [[]] * 4
    out = lev_attention(given.q, given.k, given.v, nothing, sinks=1)
    wanted = given.v[:, :, :1].repeat_interleave(2, dim=1).expand_as(out)
    assert torch.equal(out, wanted)
