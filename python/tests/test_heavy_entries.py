"""Heavy entries against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import reference

import heavykeys
from heavykeys import Sketch


def pairs(entries: heavykeys.HeavyEntries) -> dict[tuple[int, int], float]:
    queries = np.repeat(np.arange(entries.query_count), np.diff(entries.indptr))
    return dict(zip(zip(queries.tolist(), entries.keys.tolist()), entries.weights.tolist()))


def expected(weights: np.ndarray, epsilon: float) -> dict[tuple[int, int], float]:
    return {(int(i), int(j)): weights[i, j] for i, j in zip(*np.nonzero(weights >= epsilon))}


@pytest.mark.parametrize("engine", heavykeys.engines())
@pytest.mark.parametrize(("score", "f"), [("power:2", np.square), ("power:4", lambda x: x**4)])
def test_entries_are_those_of_the_definition(rng, engine: str, score: str, f) -> None:
    keys, queries = reference.integers(rng, (2000, 5)), rng.standard_normal((70, 5))
    sketch = Sketch(5, 0.03, score)
    sketch.absorb(keys)
    found = heavykeys.heavy_entries(sketch.finalize(), queries, engine=engine, threads=2)
    truth = expected(reference.weights(queries, keys, f), 0.03)
    assert len(found) == len(truth) > 50
    assert pairs(found) == pytest.approx(truth, rel=1e-9)
    assert found.indptr.dtype == found.keys.dtype == np.int64
    assert (found.query_count, found.key_count) == (70, 2000)
    assert (found.lower <= found.upper).all() and (found.upper - found.lower <= 1e-10).all()
    assert not found.streams.any()


def test_modes_and_confidence(rng) -> None:
    keys = np.concatenate([np.tile([0.02, 0.0], (5000, 1)), [[0.5, 0.0], [0.0, 3.0]]])
    sketch = Sketch(2, 0.1, "expressive")
    sketch.absorb(keys)
    set_, queries = sketch.finalize(), np.eye(2)
    likely = heavykeys.heavy_entries(set_, queries)
    assert pairs(likely).keys() == {(0, 5000), (1, 5001)}
    assert likely == heavykeys.heavy_entries(set_, queries, mode="no_false_negatives")
    sure = heavykeys.heavy_entries(set_, queries, mode="no-false-positives")
    assert pairs(sure).keys() == {(1, 5001)}
    narrow = heavykeys.heavy_entries(set_, queries, confidence=0.01)
    assert (narrow.upper - narrow.lower).max() <= (likely.upper - likely.lower).max()
    with pytest.raises(heavykeys.InvalidInput, match="mode is \"both\""):
        heavykeys.heavy_entries(set_, queries, mode="both")
    with pytest.raises(heavykeys.InvalidInput, match="confidence"):
        heavykeys.heavy_entries(set_, queries, confidence=2.0)


def test_no_queries_and_no_keys() -> None:
    sketch = Sketch(3, 0.5)
    empty = heavykeys.heavy_entries(sketch.finalize(), np.ones((4, 3)))
    assert empty.indptr.tolist() == [0] * 5 and len(empty) == 0
    assert [len(getattr(empty, name)) for name in ("keys", "streams", "weights", "lower", "upper")] == [0] * 5
    none = heavykeys.heavy_entries(sketch.finalize(), np.ones((0, 3)))
    assert none.indptr.tolist() == [0] and none.query_count == 0


def test_leverage_scores(rng) -> None:
    keys = reference.integers(rng, (900, 7))
    keys[:, 6] = keys[:, 5]  # of rank 6
    scores = heavykeys.leverage_scores(keys)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, reference.leverage(keys), rtol=1e-9, atol=1e-15)
    assert scores.sum() == pytest.approx(6, rel=1e-9)
