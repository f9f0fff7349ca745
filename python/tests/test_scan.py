"""Scans, causal entries and second passes against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from optional import need
from test_heavy_entries import expected, pairs

import heavykeys
from heavykeys import CausalHeavy, Scan, Sketch, Verification


@pytest.mark.parametrize("engine", heavykeys.engines())
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("score", "f"), [("softmax:0.5", lambda x: np.exp(0.5 * x)), ("power:3", lambda x: abs(x) ** 3)]
)
def test_scan_is_the_definition(rng, engine: str, causal: bool, score: str, f) -> None:
    keys, queries = rng.standard_normal((700, 5)), rng.standard_normal((60, 5))
    found = heavykeys.scan(keys, queries, 0.01, score, causal=causal, engine=engine)
    truth = expected(reference.weights(queries, keys, f, causal), 0.01)
    assert len(truth) > 50
    assert pairs(found) == pytest.approx(truth, rel=1e-9)
    assert found.key_count == 700
    # In pieces, in any order, by shards that merge.
    front = Scan(queries, 0.01, score, causal=causal, key_count=700)
    back = Scan(queries, 0.01, score, causal=causal, key_count=700)
    front.absorb(keys[:100], engine=engine)
    front.absorb(keys[100:300], engine=engine, threads=3)
    back.absorb(keys[500:], 500, engine=engine)
    back.absorb(keys[300:500], 300, engine=engine)
    assert (front.next_row(), front.row_count, back.next_row(), back.row_count) == (300, 300, 700, 400)
    front.merge(back)
    assert front.finish() == found


@pytest.mark.parametrize("engine", heavykeys.engines())
def test_a_tolerance_is_about_weights_and_not_about_keys(rng, engine: str) -> None:
    keys, queries = rng.standard_normal((3000, 48)), rng.standard_normal((50, 48))
    close = heavykeys.scan(keys, queries, 0.02, "softmax:0.25", engine=engine)
    loose = heavykeys.scan(keys, queries, 0.02, "softmax:0.25", tolerance=0.03, engine=engine)
    assert (loose.indptr == close.indptr).all()
    assert (loose.keys == close.keys).all()
    width = (loose.upper - loose.lower) / loose.weights
    assert 1e-5 < width.max() <= 0.03
    assert (loose.lower <= close.weights).all()
    assert (close.weights <= loose.upper).all()
    scan = Scan(queries, 0.02, "softmax:0.25", tolerance=0.03)
    scan.absorb(keys, engine=engine)
    assert set(pairs(scan.finish())) >= set(pairs(close))
    with pytest.raises(heavykeys.InvalidInput, match="tolerance is 0.5"):
        Scan(queries, 0.02, tolerance=0.5)


def test_scan_refusals(rng) -> None:
    keys, queries = rng.standard_normal((70, 5)), rng.standard_normal((6, 5))
    with pytest.raises(ValueError, match=r"keys: its shape is \(70, 4\)"):
        heavykeys.scan(keys[:, :4], queries, 0.1)
    with pytest.raises(TypeError, match="queries: .* not int64"):
        heavykeys.scan(keys, queries.astype(int), 0.1)
    with pytest.raises(heavykeys.InvalidInput, match="epsilon"):
        heavykeys.scan(keys, queries, 2.0)
    scan = Scan(queries, 0.1)
    with pytest.raises(ValueError, match=r"keys: its shape is \(70, 4\), but the scan has dim 5"):
        scan.absorb(keys[:, :4])
    with pytest.raises(heavykeys.Incompatible, match="itself"):
        scan.merge(scan)
    scan.absorb(keys[:10], 20)
    with pytest.raises(heavykeys.InvalidInput):
        scan.finish()  # rows 0 .. 19 are missing


def test_a_scan_keeps_its_queries(rng) -> None:
    keys, queries = rng.standard_normal((400, 5)), rng.standard_normal((200_000, 5))
    alone = heavykeys.scan(keys, queries[:50], 0.05)
    scan = Scan(queries.copy()[:50], 0.05)  # the array has no other owner
    rng.standard_normal((200_000, 5))  # and its memory would be used again
    scan.absorb(keys)
    assert scan.finish() == alone and len(alone) > 0


@pytest.mark.parametrize("engine", heavykeys.engines())
def test_causal_entries_are_the_definition(rng, engine: str) -> None:
    keys, queries = reference.integers(rng, (300, 4)), rng.standard_normal((250, 4))
    found = heavykeys.heavy_entries_causal(keys, queries, 0.1, block_rows=64, engine=engine)
    truth = expected(reference.weights(queries, keys, causal=True), 0.1)
    assert len(truth) > 100 and pairs(found) == pytest.approx(truth, rel=1e-9)
    assert (found.query_count, found.key_count) == (250, 300)
    causal = CausalHeavy(queries, 300, 0.1, block_rows=64)
    causal.absorb(keys[:130], engine=engine)
    assert causal.next_row() == 130
    causal.absorb(keys[130:], engine=engine, threads=2)
    assert causal.finish() == found
    whole = Sketch(4, 0.1, block_rows=64)
    whole.absorb(keys)
    assert causal.sketch() == whole
    with pytest.raises(ValueError, match=r"queries: its shape is \(250, 3\)"):
        heavykeys.heavy_entries_causal(keys, queries[:, :3], 0.1)


@pytest.mark.parametrize("causal", [False, True])
def test_a_second_pass_makes_weights_exact(rng, causal: bool) -> None:
    keys, queries = reference.spiked(rng, 4000, 3), rng.standard_normal((300, 3))
    sketch = Sketch(3, 0.1, "expressive", block_rows=512)
    sketch.absorb(keys)
    if causal:
        found = heavykeys.heavy_entries_causal(keys, queries, 0.1, "expressive", block_rows=512)
    else:
        found = heavykeys.heavy_entries(sketch.finalize(), queries)
    pass_ = Verification(sketch.spec, found, queries, causal=causal)
    assert pass_.undecided_count > 0
    pass_.absorb(keys[:1250])
    shard = Verification(sketch.spec, found, queries, causal=causal)
    shard.absorb(keys[1250:], 1250, threads=2)
    pass_.merge(shard)
    exact = pass_.finish()
    truth = expected(reference.weights(queries, keys, lambda x: x * x / (1 + x * x), causal), 0.1)
    assert len(truth) > 50 and pairs(exact) == pytest.approx(truth, rel=1e-9)
    assert (exact.upper - exact.lower).max() <= 1e-10 < (found.upper - found.lower).max()


def test_to_scipy(rng) -> None:
    scipy = need("scipy.sparse")
    keys, queries = rng.standard_normal((100, 3)), rng.standard_normal((20, 3))
    found = heavykeys.scan(keys, queries, 0.05)
    matrix = found.to_scipy()
    assert isinstance(matrix, scipy.csr_array) and matrix.shape == (20, 100)
    assert {(i, j): w for i, j, w in zip(*scipy.find(matrix))} == pairs(found)
    sketch = Sketch(3, 0.05)
    sketch.absorb(keys, stream=3)
    with pytest.raises(heavykeys.InvalidInput, match="streams"):
        heavykeys.heavy_entries(sketch.finalize(), queries).to_scipy()
