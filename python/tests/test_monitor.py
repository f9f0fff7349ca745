"""Progress of long calls, and their cancellation; Ctrl-C."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import heavykeys

ROWS, DIM = 40_000, 16


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((ROWS, DIM)).astype(np.float32)


def sketch() -> heavykeys.Sketch:
    return heavykeys.Sketch(dim=DIM, epsilon=0.01, block_rows=256)


@pytest.mark.parametrize("threads", [1, 2])
def test_reports_name_the_call_and_rise(keys: np.ndarray, threads: int) -> None:
    seen: list[tuple[str, float]] = []
    watched, alone = sketch(), sketch()
    with heavykeys.monitor(lambda call, fraction: seen.append((call, fraction)), interval=0) as monitor:
        watched.absorb(keys, threads=threads)
    assert not monitor.cancelled
    assert {call for call, _ in seen} == {"absorb"}
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    alone.absorb(keys)
    assert watched == alone


@pytest.mark.parametrize("threads", [1, 2])
def test_false_cancels_and_nothing_has_changed(keys: np.ndarray, threads: int) -> None:
    state = sketch()
    state.absorb(keys[:1000])
    before = state.to_bytes()
    with heavykeys.monitor(lambda call, fraction: fraction < 0.5, interval=0) as monitor:
        with pytest.raises(heavykeys.Cancelled, match="cancelled"):
            state.absorb(keys[1000:], threads=threads)
    assert monitor.cancelled
    assert state.to_bytes() == before
    state.absorb(keys[1000:])
    whole = sketch()
    whole.absorb(keys)
    assert state == whole


def test_what_a_report_raises_comes_out_of_the_call(keys: np.ndarray) -> None:
    def report(call: str, fraction: float) -> None:
        raise LookupError(f"not {call}")

    state = sketch()
    with heavykeys.monitor(report, interval=0), pytest.raises(LookupError, match="not absorb"):
        state.absorb(keys)
    assert state.row_count == 0


def test_an_interval_is_kept(keys: np.ndarray) -> None:
    def report(call: str, fraction: float) -> None:
        raise AssertionError("an hour has not passed")

    with heavykeys.monitor(report, interval=3600):
        sketch().absorb(keys)


def test_monitors_nest_and_belong_to_their_thread(keys: np.ndarray) -> None:
    outer, inner = [], []
    with heavykeys.monitor(lambda *progress: outer.append(progress), interval=0):
        with heavykeys.monitor(lambda *progress: inner.append(progress), interval=0):
            sketch().absorb(keys, threads=1)
        assert outer == inner and inner
        count = len(outer)
        other = threading.Thread(target=lambda: sketch().absorb(keys))
        other.start()
        other.join()
        assert len(outer) == count
        sketch().absorb(keys)
    assert len(outer) > count


def test_bad_arguments() -> None:
    with pytest.raises(heavykeys.InvalidInput, match="interval is -1"):
        heavykeys.monitor(lambda call, fraction: None, interval=-1)
    with pytest.raises(TypeError):
        heavykeys.monitor(3)
    monitor = heavykeys.monitor(lambda call, fraction: None)
    with monitor, pytest.raises(heavykeys.InvalidInput, match="in use"):
        monitor.__enter__()


def test_monitors_may_be_left_in_any_order_and_anywhere(keys: np.ndarray) -> None:
    """Generators that are suspended inside a monitor; a report that leaves its own; the last reference on another thread."""

    def watched():  # noqa: ANN202
        with heavykeys.monitor(lambda call, fraction: None, interval=0):
            yield

    one, two = watched(), watched()
    next(one), next(two)
    one.close()
    sketch().absorb(keys[:2000])
    other = threading.Thread(target=two.close)
    other.start()
    other.join()
    sketch().absorb(keys[:2000])

    own = heavykeys.monitor(lambda call, fraction: own.__exit__(None, None, None), interval=0)
    own.__enter__()
    sketch().absorb(keys[:2000])

    entered = [heavykeys.monitor(lambda call, fraction: None, interval=0)]
    entered[0].__enter__()
    last = threading.Thread(target=entered.clear)
    last.start()
    last.join()
    sketch().absorb(keys[:2000])


@pytest.mark.parametrize(("answer", "ends"), [(None, False), (1, False), (np.True_, False), (0, True), (np.False_, True), ("", True)])
def test_an_answer_counts_by_its_truth(keys: np.ndarray, answer: object, ends: bool) -> None:
    with heavykeys.monitor(lambda call, fraction: answer, interval=0) as monitor:
        try:
            sketch().absorb(keys[:2000])
        except heavykeys.Cancelled:
            pass
    assert monitor.cancelled == ends


def test_a_sketch_can_be_stored_after_a_call_was_cancelled(keys: np.ndarray) -> None:
    state = sketch()
    state.absorb(keys[:1000])
    with heavykeys.monitor(lambda call, fraction: False, interval=0):
        with pytest.raises(heavykeys.Cancelled):
            state.absorb(keys[1000:])
        assert heavykeys.Sketch.from_bytes(state.to_bytes()) == state


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_long_call_at_once(threads: int) -> None:
    """Softmax of 20,000 queries and as many keys takes a minute."""
    rows = np.random.default_rng(3).standard_normal((20_000, 64)).astype(np.float32)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        heavykeys.scan(rows, rows, 0.01, "softmax", threads=threads)
        time.sleep(60)  # so that a machine which is quick enough cannot spoil the next test
    assert time.monotonic() - start < 30
