"""Contenders measured in turn, so that a noisy neighbour falls on all of them alike; as timing.hpp does it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def alternate(contenders: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each contender, run in turn; the first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repeats + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


class OtherWork:
    """How many processors other processes kept busy since this was made: figures beside much of it are void."""

    def __init__(self) -> None:
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        user, nice, system = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=4)[1:4]
        everyone = (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
        return everyone, time.process_time(), time.perf_counter()

    def processors(self) -> float:
        everyone, own, clock = (now - then for now, then in zip(self._now(), self._start))
        return max(0.0, (everyone - own) / clock)
