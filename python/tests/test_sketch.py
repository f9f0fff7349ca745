"""Sketch and UniversalSet: values that are cut, merged, copied and stored without changing a byte."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import reference

import heavykeys
from heavykeys import Score, Sketch, Spec


def sketch_of(keys: np.ndarray, epsilon: float = 0.05, **spec) -> Sketch:
    sketch = Sketch(keys.shape[1], epsilon, **spec)
    sketch.absorb(keys)
    return sketch


def test_the_universal_set_is_that_of_the_definition(rng) -> None:
    keys = reference.integers(rng, (3000, 6))
    set_ = sketch_of(keys).finalize()
    leverage = reference.leverage(keys)
    members = np.flatnonzero(leverage >= 0.05)
    assert 0 < len(members) < 200
    assert set_.ids.dtype == np.int64
    np.testing.assert_array_equal(set_.ids, members)
    np.testing.assert_array_equal(set_.streams, 0)
    np.testing.assert_array_equal(set_.layer, 1)
    np.testing.assert_allclose(set_.leverage, leverage[members], rtol=1e-9)
    np.testing.assert_array_equal(set_.keys, keys[members])
    assert len(set_) == set_.size == len(members) <= set_.size_bound == 6 / 0.05
    assert (set_.row_count, set_.rank) == (3000, 6)
    assert int(members[0]) in set_ and int(np.flatnonzero(leverage < 0.05)[0]) not in set_
    assert set_.spec == heavykeys.Spec(6, 0.05)


@pytest.mark.parametrize("engine", heavykeys.engines())
@pytest.mark.parametrize("threads", [1, 3])
def test_pushes_and_engines_do_not_change_a_byte(rng, engine: str, threads: int) -> None:
    keys = rng.standard_normal((9000, 7)).astype(np.float32)
    whole = sketch_of(keys)
    pieces = Sketch(7, 0.05)
    pieces.absorb(keys[5000:], 5000, threads=threads, engine=engine)
    for begin in range(0, 5000, 1700):
        pieces.absorb(keys[begin : min(begin + 1700, 5000)], begin, threads=threads, engine=engine)
    assert pieces.to_bytes() == whole.to_bytes()
    assert pieces == whole


def test_absorb_goes_on_where_the_stream_ends(rng) -> None:
    keys = rng.standard_normal((100, 3))
    sketch = Sketch(3, 0.1)
    sketch.absorb(keys[:60])
    assert sketch.next_row() == 60
    sketch.absorb(keys[60:])
    sketch.absorb(keys[:7], stream=4)
    sketch.absorb(keys[20:30], 20, stream=4)
    assert (sketch.row_count, sketch.next_row(), sketch.next_row(4), sketch.next_row(9)) == (117, 100, 30, 0)
    assert sketch.absorbed_rows() == [(0, 0, 100), (4, 0, 7), (4, 20, 30)]
    with pytest.raises(heavykeys.InvalidInput, match="stream 4"):
        sketch.finalize()


def test_streams_name_the_members(rng) -> None:
    sketch = Sketch(2, 0.5)
    sketch.absorb(np.array([[0.0, 1.0], [0.0, 0.0]]), stream=2)
    sketch.absorb(np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]), stream=7)
    set_ = sketch.finalize()
    assert (set_.streams.tolist(), set_.ids.tolist()) == ([2, 7], [0, 2])
    assert 0 not in set_


def test_merge(rng) -> None:
    keys = rng.standard_normal((5000, 4)).astype(np.float16)
    left = sketch_of(keys[:1800])
    right = Sketch(4, 0.05)
    right.absorb(keys[1800:], 1800)
    left.merge(right)
    assert left == sketch_of(keys)
    with pytest.raises(heavykeys.Incompatible):
        left.merge(right)
    with pytest.raises(heavykeys.Incompatible, match="itself"):
        left.merge(left)
    with pytest.raises(heavykeys.Incompatible, match="epsilon=0.5"):
        left.merge(Sketch(4, 0.5))
    assert left == sketch_of(keys)


def test_a_sketch_is_a_value(rng, tmp_path: Path) -> None:
    keys = rng.standard_normal((50, 3))
    sketch = sketch_of(keys)
    copies = [
        sketch.copy(),
        copy.copy(sketch),
        copy.deepcopy(sketch),
        pickle.loads(pickle.dumps(sketch)),
        Sketch.from_bytes(sketch.to_bytes()),
    ]
    sketch.save(tmp_path / "keys.hks")
    copies.append(Sketch.load(tmp_path / "keys.hks"))
    copies.append(Sketch.load(str(tmp_path / "keys.hks")))
    assert pickle.loads(pickle.dumps(sketch.spec)) == sketch.spec
    for other in copies:
        assert other == sketch and other.spec == sketch.spec
        other.absorb(keys)
        assert other != sketch
    assert sketch.row_count == 50 and sketch.memory_bytes > 0 and sketch.candidate_count >= sketch.finalize().size
    assert sketch != "another thing"
    with pytest.raises(TypeError, match="unhashable"):
        hash(sketch)
    assert "50 rows" in repr(sketch) and "dim=3" in repr(sketch)


def test_damaged_bytes_are_corrupt(tmp_path: Path) -> None:
    bytes_ = Sketch(3, 0.5).to_bytes()
    for bad in (b"", bytes_[:-1], bytes_ + b"x", b"x" + bytes_[1:]):
        with pytest.raises(heavykeys.Corrupt):
            Sketch.from_bytes(bad)
    with pytest.raises(heavykeys.BackendError, match="no-such-file"):
        Sketch.load(tmp_path / "no-such-file")
    with pytest.raises(heavykeys.BackendError, match="no-such-folder"):
        Sketch(3, 0.5).save(tmp_path / "no-such-folder" / "x.hks")


def test_many_heads_at_once(rng) -> None:
    keys = rng.standard_normal((5, 700, 6)).astype(np.float32)
    together = [Sketch(6, 0.05) for _ in range(5)]
    heavykeys.absorb(together, keys[:, :300], threads=2)
    heavykeys.absorb(together, [keys[h, 300:] for h in range(5)])
    assert together == [sketch_of(keys[h]) for h in range(5)]
    # All or nothing.
    before = [sketch.to_bytes() for sketch in together]
    bad = keys.copy()
    bad[3, 11, 2] = np.nan
    with pytest.raises(heavykeys.InvalidInput, match="head 3: NaN at row 711, column 2"):
        heavykeys.absorb(together, bad)
    with pytest.raises(heavykeys.InvalidInput, match="keys: of 4 heads, but there are 5 sketches"):
        heavykeys.absorb(together, keys[:4])
    with pytest.raises(heavykeys.InvalidInput, match="sketches: one is in the list twice"):
        heavykeys.absorb([together[0]] * 5, keys)
    with pytest.raises(heavykeys.InvalidInput, match=r"keys: its shape is \(700, 6\)"):
        heavykeys.absorb(together, keys[0])
    with pytest.raises(TypeError, match=r"keys\[1\].*int64"):
        heavykeys.absorb(together, [keys[0], np.zeros((2, 6), np.int64)])
    assert [sketch.to_bytes() for sketch in together] == before


def test_a_row_that_cannot_be_used_is_named_and_nothing_changes(rng) -> None:
    keys = rng.standard_normal((300, 4))
    sketch = sketch_of(keys)
    before = sketch.to_bytes()
    keys[17, 2] = np.inf
    with pytest.raises(ValueError, match="row 317, column 2") as caught:
        sketch.absorb(keys)
    assert isinstance(caught.value, heavykeys.InvalidInput) and isinstance(caught.value, heavykeys.Error)
    with pytest.raises(heavykeys.Incompatible):
        sketch.absorb(keys[:10], 5)
    assert sketch.to_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (dict(dim=0), "dim"),
        (dict(epsilon=0.0), "epsilon"),
        (dict(epsilon=1.5), "epsilon"),
        (dict(grid_bits=30), "grid_bits"),
        (dict(block_rows=100), "block_rows"),
        (dict(sample_rows=2**30), "sample_rows"),
        (dict(score="power:two"), "power"),
        (dict(score="softmax"), "softmax"),
    ],
)
def test_options_out_of_range_are_named(arguments: dict, text: str) -> None:
    for make in (Sketch, heavykeys.Spec):
        with pytest.raises(heavykeys.InvalidInput, match=text):
            make(**{"dim": 3, "epsilon": 0.5, **arguments})


def test_wrong_types_of_options() -> None:
    with pytest.raises(TypeError, match="score.*int"):
        Sketch(3, 0.5, 2)
    with pytest.raises(TypeError):
        Sketch("3", 0.5)
    with pytest.raises(heavykeys.InvalidInput, match="engine \"gpu\" is not in this build"):
        Sketch(3, 0.5).absorb(np.zeros((1, 3)), engine="gpu")
    with pytest.raises(heavykeys.InvalidInput, match="threads"):
        Sketch(3, 0.5).absorb(np.zeros((1, 3)), threads=-1)


def test_scores_are_values() -> None:
    scores = {
        "power:2": Score.power(2),
        "expressive": Score.expressive(),
        "polynomial:0,1,0.5": Score.polynomial([0, 1, 0.5]),
        "softmax:0.125": Score.softmax(0.125),
    }
    for name, score in scores.items():
        assert score.name == name and name in repr(score)
        assert Score.from_name(name) == score == pickle.loads(pickle.dumps(score))
        assert hash(Score.from_name(name)) == hash(score)
    assert len(set(scores.values())) == 4
    assert scores["expressive"](2.0) == pytest.approx(0.8, rel=1e-12)
    assert scores["softmax:0.125"](8.0) == pytest.approx(math.e, rel=1e-12)
    with pytest.raises(heavykeys.InvalidInput, match="expressive"):  # what there is
        Score.from_name("relu")


def huber(x: float) -> float:
    return x * x if abs(x) < 1 else 2 * abs(x) - 1


def test_custom_scores(rng) -> None:
    score = Score.custom("huber", huber, 2)
    assert score(3.0) == 5.0 and score.name == "custom:huber"
    keys = reference.spiked(rng, 4000, 3)
    sketch = sketch_of(keys, 0.1, score=score)
    again = pickle.loads(pickle.dumps(sketch))
    queries = rng.standard_normal((40, 3))
    found = heavykeys.heavy_entries(sketch.finalize(), queries)
    assert heavykeys.heavy_entries(again.finalize(), queries) == found
    assert len(found) > 20
    f = np.vectorize(huber)
    for i, row in enumerate(reference.weights(queries, keys, f) >= 0.1):
        listed = found.keys[found.indptr[i] : found.indptr[i + 1]]
        assert set(np.flatnonzero(row)) <= set(listed.tolist())
    # From bytes, the function has to be given; without it, queries cannot be weighed.
    bytes_ = sketch.to_bytes()
    with pytest.raises(heavykeys.InvalidInput, match="huber"):
        heavykeys.heavy_entries(Sketch.from_bytes(bytes_).finalize(), queries)
    given = Sketch.from_bytes(bytes_, custom=score)
    assert heavykeys.heavy_entries(given.finalize(), queries) == found


def test_what_a_custom_score_raises_comes_out(rng) -> None:
    class Odd(Exception):
        pass

    failing = False

    def f(x: float) -> float:
        if failing:
            raise Odd(f"at {x}")
        return x * x / (1 + x * x)

    score = Score.custom("failing", f, 2)
    sketch = sketch_of(reference.spiked(rng, 4000, 3), 0.05, score=score)
    set_ = sketch.finalize()
    assert len(set_) > 0
    failing = True
    for threads in (1, 4):
        with pytest.raises(Odd, match="at "):
            heavykeys.heavy_entries(set_, rng.standard_normal((200, 3)), threads=threads)
    with pytest.raises(Odd):
        score(1.0)
    failing = False
    assert len(heavykeys.heavy_entries(set_, rng.standard_normal((200, 3)))) > 0
    with pytest.raises(TypeError):
        Score.custom("text", lambda x: "no number", 2)
    with pytest.raises(heavykeys.InvalidInput):
        Score.custom("falling", lambda x: 1 / (1 + x * x), 2)


STATES = [
    (cls, state)
    for cls, states in [
        (heavykeys.KeySets, [(1, 1, 3, [0, 1], [0]), (1, 1, 3, [0, 1], [0], [], 0), (1, 1, 3, "no", [0], [])]),
        (heavykeys.KeySets, [(1, 1, 3, [0, 7], [0], []), (2**32, 2**32, 0, [0], [], []), (1, 1, -3, [0, 1], [0], [])]),
        (Score, [(1, 2.0, [], ""), (1, 2.0, [], "", None, 0), ("power", 2.0, [], "", None), (9, 2.0, [], "", None)]),
        (Score, [(1, 65.0, [], "", None), (3, 0.0, [1.0] * 100, "", None), (4, 2.0, [0.0], "own", "no function")]),
        (Score, [(4, 3.0, [0.0], "own", None), (4, 2.0, [], "own", None), (5, 0.0, [], "", None)]),
        (Sketch, [(b"",), (b"", None, 0), ("text", None), (Sketch(3, 0.1).to_bytes(), "power:2"), (b"", None)]),
        (Spec, [(3, 0.1, Score.power(2), 24, 4096, 1024), (3, 0.1, "power:2", 24, 4096, 1024, 0)]),
        (Spec, [(0, 0.1, Score.power(2), 24, 4096, 1024, 0), (3, 0.1, Score.power(2), 24, 4096, 1024, 0, 0)]),
    ]
    for state in [(), *states]
]


@pytest.mark.parametrize(("cls", "state"), STATES)
def test_states_that_no_object_had_are_refused(cls: type, state: tuple) -> None:
    with pytest.raises(ValueError):
        cls.__new__(cls).__setstate__(state)


def test_states_go_back() -> None:
    own = Score.custom("own", abs_squared, 2)
    for score in [
        Score.power(3.5), Score.expressive(), Score.polynomial([0.0, 1.0, 0.5]), Score.softmax(0.25), own
    ]:
        again = pickle.loads(pickle.dumps(score))
        assert again == score and again.name == score.name and again(1.5) == score(1.5)
    spec = Spec(3, 0.1, own, seed=5)
    again = pickle.loads(pickle.dumps(spec))
    assert again == spec and again.score(2.0) == 4.0
    sketch = Sketch(3, 0.1, own)
    sketch.absorb(np.eye(3))
    again = pickle.loads(pickle.dumps(sketch))
    assert again == sketch and again.spec.score(2.0) == 4.0


def abs_squared(x: float) -> float:
    return abs(x) ** 2
