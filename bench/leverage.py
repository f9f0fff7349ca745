#!/usr/bin/env python3
"""Time the leverage of every key, and the universal set, beside SciPy's QR factorisation, in one process.

Rivals: leverage as row norms of Q, scipy.linalg.qr in float64 ("QR"), which is given the keys as float64 for
nothing; and the quicker and less accurate way, a Cholesky factor of K^T K and a triangular solve ("Cholesky").
Ours: `leverage_scores` of all keys, which has one thread; absorb and `finalize`, which lists only the keys
past epsilon. Results are compared before anything is timed. Contenders run in turn (A B C A B C ...); medians
and spread are reported. Needs the package and SciPy:

  pip install . scipy && python bench/leverage.py --json bench/results/leverage.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1, help="of every contender but leverage_scores")
parser.add_argument("--repeats", type=int, default=7)
parser.add_argument("--share", type=float, default=1.0, help="of the keys, for a quick look")
parser.add_argument("--json", type=Path, help="also write the figures here")
args = parser.parse_args()

# Before NumPy: the kernels OpenBLAS would choose by itself are not always the right ones.
if "avx512f" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore"):
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402
import scipy.linalg  # noqa: E402

import heavykeys  # noqa: E402
import timing  # noqa: E402

CASES = [(262_144, 64), (131_072, 128)]
EPSILON = 0.05
SLACK = 1e-4  # SciPy sees the keys before the grid rounds them


def keys_of(n: int, d: int) -> np.ndarray:
    """Gaussian keys, 40 of them so long that their leverage is 0.03 to 0.7."""
    random = np.random.default_rng(1)
    keys = random.standard_normal((n, d), dtype=np.float32)
    planted = (2 * np.arange(40) + 1) * n // 80
    gain = 0.03 * 60.0 ** (np.arange(40) / 40)
    keys[planted] *= np.sqrt(gain * n)[:, None] / np.linalg.norm(keys[planted], axis=1)[:, None]
    return keys


def by_qr(keys: np.ndarray) -> np.ndarray:
    q = scipy.linalg.qr(keys, mode="economic", check_finite=False)[0]
    return np.einsum("ij,ij->i", q, q)


def by_cholesky(keys: np.ndarray) -> np.ndarray:
    factor = scipy.linalg.cholesky(keys.T @ keys, lower=True, check_finite=False)
    solved = scipy.linalg.solve_triangular(factor, keys.T, lower=True, check_finite=False)
    return np.einsum("ij,ij->j", solved, solved)


def universal(keys: np.ndarray) -> heavykeys.UniversalSet:
    sketch = heavykeys.Sketch(keys.shape[1], EPSILON)
    sketch.absorb(keys, threads=args.threads)
    return sketch.finalize()


def check(keys: np.ndarray, wide: np.ndarray) -> dict[str, float]:
    expected, found, members = by_qr(wide), heavykeys.leverage_scores(keys), universal(keys)
    difference = float(np.max(np.abs(found - expected) / expected))
    listed = np.zeros(len(keys), dtype=bool)
    listed[np.asarray(members.ids)] = True
    wrong = np.any(expected[~listed] > EPSILON * (1 + SLACK)) or np.any(expected[listed] < EPSILON * (1 - SLACK))
    if difference > SLACK or wrong:
        sys.exit(f"{keys.shape}: leverage differs from SciPy's by {difference}, or U does")
    beside = float(np.max(np.abs(by_cholesky(wide) - expected) / expected))
    return {"leverage_scores": difference, "Cholesky": beside, "universal_set": int(listed.sum())}


def alternate(contenders: dict[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    seconds = timing.alternate(contenders, args.repeats)
    return {n: {"median": statistics.median(s), "min": min(s), "max": max(s)} for n, s in seconds.items()}


def closing(what: str, ours: dict, rival: dict, threads: int, multiply_adds: float) -> dict:
    ratio = {"median": rival["median"] / ours["median"], "min": rival["min"] / ours["max"], "max": rival["max"] / ours["min"]}
    return {
        "what": what,
        "seconds": ours,
        "rival": f"SciPy QR, float64, {args.threads} thread{'s'[: args.threads > 1]}",
        "rival_seconds": rival,
        "ratio": ratio,
        "limit_multiply_adds": {"kind": "float64", "threads": threads, "count": multiply_adds},
    }


def measure(n: int, d: int) -> tuple[dict, list[dict]]:
    keys = keys_of(n, d)
    wide = keys.astype(np.float64)
    checked = check(keys, wide)
    seconds = alternate(
        {
            "QR": lambda: by_qr(wide),
            "Cholesky": lambda: by_cholesky(wide),
            "leverage_scores": lambda: heavykeys.leverage_scores(keys),
            "absorb and finalize": lambda: universal(keys),
        }
    )
    half = n * d * (d + 1) / 2  # of the Gram matrix; of the triangular solve as many
    rows = [
        closing(f"leverage of all, {n} x {d}, 1 thread", seconds["leverage_scores"], seconds["QR"], 1, 2 * half),
        closing(f"keys to U, {n} x {d}, epsilon {EPSILON}", seconds["absorb and finalize"], seconds["QR"], args.threads, half),
    ]
    print(f"leverage: {n} x {d} float32, {args.threads} threads (leverage_scores: 1), largest relative difference {checked}")
    for name, s in seconds.items():
        print(f"{name:<28} {s['median']:10.4f} {s['min']:10.4f} {s['max']:10.4f}")
    return {"keys": n, "dim": d, "check": checked, "seconds": seconds}, rows


def main() -> int:
    document = {
        "benchmark": "leverage",
        "about": {
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": platform.processor() or platform.machine(),
            "isa": heavykeys.active_isa(),
            "threads": args.threads,
            "scipy": scipy.__version__,
            "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", ""),
            "load": os.getloadavg(),
        },
        "cases": [],
        "closing": [],
    }
    others = timing.OtherWork()
    for n, d in CASES:
        case, rows = measure(int(n * args.share), d)
        document["cases"].append(case)
        document["closing"] += rows
    document["processors_busy_with_others"] = others.processors()
    if args.json:
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
