#!/usr/bin/env python3
"""Time heavykeys.attend beside PyTorch's attention, in one process and on the same threads.

Rivals: scaled_dot_product_attention over all keys ("dense"), and what one can do in PyTorch with the
same sets: gather the keys of each head and attend to those ("gathered"). Limit: the multiply-adds a second of
OpenBLAS sgemm (NumPy's) on large square matrices, beside which those of attend are given. Every
result is compared with the gathered one before it is timed. Contenders run in turn (A B C A B C ...);
medians and spread are reported. Needs the package and torch:

  pip install . torch==2.9.1 && python bench/attend.py --json bench/results/attend.json
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
from dataclasses import dataclass
from pathlib import Path

# Before NumPy: the kernels OpenBLAS would choose by itself are not always the right ones.
if "avx512f" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore"):
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

import numpy as np
import torch
import torch.nn.functional as F

import heavykeys
import timing


@dataclass(frozen=True)
class Case:
    """One row of the table: shapes, and n / |U|."""

    name: str
    batch: int = 1
    query_heads: int = 1
    heads: int = 1
    m: int = 16384
    n: int = 16384
    d: int = 64
    share: int = 16
    dtype: torch.dtype = torch.float32
    causal: bool = False
    backward: bool = False


CASES = [
    Case("16k, d 64"),
    Case("16k, d 128", d=128),
    Case("16k, d 64, bfloat16", dtype=torch.bfloat16),
    Case("16k, d 64, every key", share=1),
    Case("8 heads of 4k, d 64", query_heads=8, heads=8, m=4096, n=4096),
    Case("4k, d 64, with gradients", m=4096, n=4096, backward=True),
    Case("decode, 32 query heads on 8, 32k, d 128", query_heads=32, heads=8, m=1, n=32768, d=128),
    Case("16k, d 64, causal, prefix sets", causal=True),
]


QUICK = ("16k, d 64", "16k, d 64, bfloat16", "8 heads of 4k, d 64", "decode, 32 query heads on 8, 32k, d 128")


def gathered(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Softmax attention to rows [B, Hkv, u] of each KV head."""
    index = rows[..., None].expand(*rows.shape, k.shape[-1])
    return F.scaled_dot_product_attention(
        q, torch.gather(k, 2, index), torch.gather(v, 2, index), enable_gqa=q.shape[1] != k.shape[1]
    )


def measure(case: Case, repeats: int, threads: int) -> dict[str, object]:
    torch.manual_seed(1)
    shape = (case.batch, case.heads, case.n, case.d)
    q = torch.randn(case.batch, case.query_heads, case.m, case.d).to(case.dtype)
    k, v = torch.randn(shape).to(case.dtype), torch.randn(shape).to(case.dtype)
    budget = case.n // case.share
    gqa = case.query_heads != case.heads
    if case.causal:
        sets = heavykeys.prefix_keys(k, 0.05, block_rows=128, threads=threads)
        until = np.minimum(sets.until, case.n)
        pairs = int((until - sets.keys).sum()) * case.query_heads // case.heads
        chosen = len(np.unique(sets.keys))
    else:
        sets = heavykeys.top_keys(k, budget, threads=threads)
        pairs = case.batch * case.query_heads * case.m * budget
        chosen = budget
    rows = None if case.causal else torch.from_numpy(np.array(sets.keys)).reshape(case.batch, case.heads, budget)

    def ours() -> torch.Tensor:
        return heavykeys.attend(q, k, v, sets, causal=case.causal, threads=threads)

    def dense() -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=case.causal, enable_gqa=gqa)

    contenders: dict[str, Callable[[], object]] = {"heavykeys": ours, "dense": dense}
    if rows is not None:
        difference = (ours().double() - gathered(q.double(), k.double(), v.double(), rows)).abs().max().item()
        if difference > (2e-6 if case.dtype == torch.float32 else 0.02):
            sys.exit(f"{case.name}: differs from PyTorch by {difference}")
        contenders["gathered"] = lambda: gathered(q, k, v, rows)
    if case.backward:
        grad = torch.randn_like(q)
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]

        def with_gradients(attention: Callable[..., torch.Tensor]) -> Callable[[], object]:
            return lambda: torch.autograd.grad(attention(*leaves), leaves, grad)

        def ours_with_gradients() -> object:
            out, sums = heavykeys.attend(q, k, v, sets, threads=threads, return_sums=True)
            return heavykeys.attend_backward(q, k, v, out, sums, grad, sets, threads=threads)

        contenders = {
            "heavykeys": ours_with_gradients,
            "dense": with_gradients(lambda a, b, c: F.scaled_dot_product_attention(a, b, c)),
            "gathered": with_gradients(lambda a, b, c: gathered(a, b, c, rows)),
        }
    contenders["sets"] = (
        (lambda: heavykeys.prefix_keys(k, 0.05, block_rows=128, threads=threads))
        if case.causal
        else (lambda: heavykeys.top_keys(k, budget, threads=threads))
    )
    seconds = timing.alternate(contenders, repeats)
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    return {
        "case": case.name,
        "keys_attended": pairs / (case.batch * case.query_heads * case.m),
        "seconds": {n: {"median": medians[n], "least": min(s), "most": max(s)} for n, s in seconds.items()},
        "dense_over_heavykeys": medians["dense"] / medians["heavykeys"],
        "gathered_over_heavykeys": medians["gathered"] / medians["heavykeys"] if "gathered" in medians else None,
        # The chosen keys and values, queries and results, once.
        "bytes": 2 * case.batch * case.d * q.element_size() * (case.heads * chosen + case.query_heads * case.m),
        "multiplyadds": 2 * pairs * case.d * (3 if case.backward else 1),
        "gigamultiplyadds_per_second": None if case.backward else 2 * pairs * case.d / medians["heavykeys"] / 1e9,
    }


def closing(case: Case, result: dict[str, object], threads: int) -> dict[str, object]:
    """A line of the table that scripts/bench closes with: beside the best that PyTorch can do with the same sets."""
    seconds = {
        name: {"median": s["median"], "min": s["least"], "max": s["most"]} for name, s in result["seconds"].items()
    }
    rival = "gathered" if "gathered" in seconds else "dense"
    ours, theirs = seconds["heavykeys"], seconds[rival]
    return {
        "what": f"attend, {case.name}",
        "seconds": ours,
        "rival": f"PyTorch, {rival}",
        "rival_seconds": theirs,
        "ratio": {
            "median": theirs["median"] / ours["median"],
            "min": theirs["min"] / ours["max"],
            "max": theirs["max"] / ours["min"],
        },
        "limit_multiply_adds": {"kind": "float32", "threads": threads, "count": result["multiplyadds"]},
        "limit_bytes": {"threads": threads, "count": result["bytes"]},
    }


def sgemm_rate(repeats: int) -> float:
    """Giga multiply-adds a second of NumPy's float32 product, 2048^3."""
    a = np.random.default_rng(1).standard_normal((2048, 2048), dtype=np.float32)
    return 2048**3 / statistics.median(timing.alternate({"sgemm": lambda: a @ a}, repeats)["sgemm"]) / 1e9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every contender")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="only the cases that scripts/bench takes")
    parser.add_argument("--only", help="cases whose name holds this text")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    limit = sgemm_rate(args.repeats)
    others = timing.OtherWork()
    print(f"{args.threads} threads, torch {torch.__version__}, OpenBLAS sgemm {limit:.0f} G multiply-adds/s, load {os.getloadavg()[0]:.1f}")
    print("| case | keys a query | dense, s | gathered, s | **attend, s** | dense / attend | gathered / attend | of sgemm's rate | sets, s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    results, rows = [], []
    for case in CASES:
        if (args.only and args.only not in case.name) or (args.quick and case.name not in QUICK):
            continue
        r = measure(case, args.repeats, args.threads)
        results.append(r)
        rows.append(closing(case, r, args.threads))
        s = {name: values["median"] for name, values in r["seconds"].items()}
        rate, beside = r["gigamultiplyadds_per_second"], r["gathered_over_heavykeys"]
        print(
            f"| {case.name} | {r['keys_attended']:.0f} | {s['dense']:.4f} | "
            f"{'–' if beside is None else format(s['gathered'], '.4f')} | **{s['heavykeys']:.4f}** | "
            f"{r['dense_over_heavykeys']:.1f}× | {'–' if beside is None else f'{beside:.1f}×'} | "
            f"{'–' if rate is None else format(rate / limit, '.2f')} | {s['sets']:.4f} |",
            flush=True,
        )
    if args.json:
        about = {
            "command": " ".join(["bench/attend.py", *sys.argv[1:]]),
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": platform.processor() or platform.machine(),
            "isa": heavykeys.active_isa(),
            "threads": args.threads,
            "torch": torch.__version__,
            "load": os.getloadavg(),
            "sgemm_gigamultiplyadds_per_second": limit,
        }
        args.json.write_text(json.dumps({"about": about, "results": results, "closing": rows, "processors_busy_with_others": others.processors()}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
