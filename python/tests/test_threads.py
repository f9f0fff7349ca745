"""Long calls run without the GIL, and threads may share what they like."""

from __future__ import annotations

import multiprocessing
import threading
import time

import numpy as np
import pytest
import reference

import heavykeys
from heavykeys import Score, Sketch


def ticks_during(call) -> tuple[int, float]:
    """How often another Python thread runs while `call` does, and how long that takes."""
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    while not ticks:
        time.sleep(0.001)
    begin = time.perf_counter()
    call()
    end = time.perf_counter()
    done.set()
    thread.join()
    return sum(begin < t < end for t in ticks), end - begin


def test_other_threads_run_during_long_calls(rng) -> None:
    """A call that kept the GIL would let another thread run once before it and once after."""
    keys = rng.standard_normal((400_000, 64)).astype(np.float32)
    keys[:40] *= 300
    sketch = Sketch(64, 0.01)
    few = heavykeys.KeySets(np.arange(0, 400_000, 100), [0, 4000], 400_000)
    sketch.absorb(keys)
    set_ = sketch.finalize()
    calls = {
        "absorb": lambda: Sketch(64, 0.01).absorb(keys, threads=1),
        "leverage_scores": lambda: heavykeys.leverage_scores(keys[:40_000]),
        "heavy_entries": lambda: heavykeys.heavy_entries(set_, keys[:50_000], threads=1),
        "heavy_entries_causal": lambda: heavykeys.heavy_entries_causal(keys[:80_000], keys[:8000], 0.01, threads=1),
        "scan": lambda: heavykeys.scan(keys[:100_000], keys[:16], 0.01, threads=1),
        "universal_keys": lambda: heavykeys.universal_keys(keys, 0.01, threads=1),
        "top_keys": lambda: heavykeys.top_keys(keys[:200_000], 100, threads=1),
        "attend": lambda: heavykeys.attend(keys[:20_000], keys, keys, few, threads=1),
    }
    for name, call in calls.items():
        ticks, seconds = ticks_during(call)
        assert ticks >= 5, (name, ticks, seconds)


def test_a_sketch_shared_by_threads_is_that_of_one(rng) -> None:
    keys = rng.standard_normal((40_000, 8)).astype(np.float32)
    alone = Sketch(8, 0.01)
    alone.absorb(keys)
    shared, other = Sketch(8, 0.01), Sketch(8, 0.01)

    def work(worker: int) -> None:
        for begin in range(worker * 1000, len(keys), 4000):
            (shared if worker % 2 else other).absorb(keys[begin : begin + 1000], begin, threads=1)
            shared.row_count, shared.to_bytes(), other.candidate_count, shared == other

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.merge(other)
    assert shared == alone


def test_callbacks_and_locks_do_not_wait_for_each_other(rng) -> None:
    """A callback needs the GIL in a thread of the library's while other Python threads ask the same objects."""
    score = Score.custom("saturating", lambda x: x * x / (1 + x * x), 2)
    sketch = Sketch(3, 0.05, score)
    sketch.absorb(reference.spiked(rng, 5000, 3))
    set_ = sketch.finalize()
    queries = rng.standard_normal((20, 3))
    assert len(heavykeys.heavy_entries(set_, queries)) > 10
    results = []

    def work() -> None:
        for _ in range(2):
            results.append(heavykeys.heavy_entries(set_, queries, threads=2))
            sketch.absorb(queries[:1])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    assert len(results) == 6 and all(found == results[0] for found in results)
    assert sketch.row_count == 5006


def test_changes_get_their_turn_while_readers_overlap(rng) -> None:
    keys = rng.standard_normal((20_000, 64)).astype(np.float32)
    sketch, other, third = Sketch(64, 0.01), Sketch(64, 0.01), Sketch(64, 0.01)
    sketch.absorb(keys)
    other.absorb(keys[:100], first_row=20_000)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            sketch.finalize()

    def change() -> None:
        sketch.merge(other)
        heavykeys.absorb([third, sketch], [keys[:50], keys[50:100]])

    readers = [threading.Thread(target=read, daemon=True) for _ in range(4)]
    writer = threading.Thread(target=change, daemon=True)
    for reader in readers:
        reader.start()
    writer.start()
    writer.join(timeout=120)
    done.set()
    assert not writer.is_alive()
    for reader in readers:
        reader.join(timeout=120)
    assert sketch.row_count == 20_150 and third.row_count == 50


def test_reports_may_read_what_their_call_reads_and_nothing_else_of_it(rng) -> None:
    """Asked from inside its own call, an object would wait for itself."""
    keys = rng.standard_normal((20_000, 32)).astype(np.float32)
    results: list[object] = []

    def work() -> None:
        sketch, other = Sketch(32, 0.01, block_rows=256), Sketch(32, 0.01)
        sketch.absorb(keys[:10_000])
        calls = {
            "finalize": sketch.finalize,
            "absorb": lambda: sketch.absorb(keys[10_000:], threads=1),
            "absorb of heads": lambda: heavykeys.absorb([other, sketch], [keys, keys[10_000:]], threads=1),
        }
        asks = {
            "row_count": lambda: sketch.row_count,
            "absorb": lambda: sketch.absorb(keys[:1], first_row=50_000),
            "merge": lambda: sketch.merge(Sketch(32, 0.01, block_rows=256)),
            "merge into another": lambda: Sketch(32, 0.01, block_rows=256).merge(sketch),
            "absorb of heads": lambda: heavykeys.absorb([sketch], keys[None, :1], 50_000),
        }
        for name, call in calls.items():
            for asked, ask in asks.items():
                with heavykeys.monitor(lambda call, fraction, ask=ask: ask() is not False, interval=0.0):
                    try:
                        call()
                        results.append((name, asked))
                    except heavykeys.InvalidInput as error:
                        assert "in use by this thread" in str(error), error
                assert (sketch.row_count, other.row_count) == (10_000, 0), (name, asked)
        sketch.absorb(keys[10_000:])
        results.append(sketch.row_count)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout=120)
    assert not thread.is_alive()
    assert results == [("finalize", "row_count"), 20_000]


def sketch_bytes(keys: np.ndarray) -> bytes:
    sketch = Sketch(keys.shape[1], 0.01)
    sketch.absorb(keys, threads=3)
    heavykeys.heavy_entries(sketch.finalize(), keys[:100], threads=3)
    return sketch.to_bytes()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: of any process with threads
def test_forked_processes_go_on(rng) -> None:
    keys = rng.standard_normal((50_000, 16)).astype(np.float32)
    here = sketch_bytes(keys)  # the threads of oneTBB are there, and are not in the forked processes
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(sketch_bytes, [keys, keys]).get(timeout=120) == [here, here]
