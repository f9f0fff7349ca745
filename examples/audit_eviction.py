#!/usr/bin/env python3
"""Audits policies that evict keys from a cache of fixed size: which heavy entries of softmax do they keep?

Query i meets the keys 0 .. i that a policy has not evicted by then; what is evicted never returns. scan
finds the entries with softmax weight >= epsilon, exactly; the audit counts how many the cache still held.
  sinks + window   the first 4 keys and the newest (StreamingLLM, arXiv 2309.17453)
  H2O              half the newest, half those of most attention so far (arXiv 2306.14048): sees the queries
  leverage         evicts the key to which any query could give the least under x^2: the universal set,
                   by budget in place of epsilon. Sees keys alone
  random           for comparison
The queries of the second half count, so a cache of up to half the keys has had to evict.

  examples/audit_eviction.py --budgets 32 64 128 --epsilon 0.05 --out audit.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Callable

import heavykeys
import numpy as np
from heavykeys import io

HEADS = Path(__file__).resolve().parents[1] / "tests" / "data" / "heads.safetensors"
SINKS = 4


def load(path: str) -> np.ndarray:
    """float32 [heads, n, d], from any file of float16, bfloat16, float32 or float64."""
    tensor = io.open_tensor(path)
    if tensor.dtype == np.uint16:  # NumPy's own word for bfloat16, without the package ml_dtypes
        tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
    return np.array(tensor, np.float32, ndmin=3)


def prefix_leverage(keys: np.ndarray) -> np.ndarray:
    """[n, heads, n]: at [i, h, j], the most that any query could give key j of the keys 0 .. i under x^2."""
    heads, n, _ = keys.shape
    leverage = np.zeros((n, heads, n))
    for i in range(n):
        for head in range(heads):
            leverage[i, head, : i + 1] = heavykeys.leverage_scores(keys[head, : i + 1])
    return leverage


def simulate(
    logits: np.ndarray, budget: int, value: Callable[[int, np.ndarray], np.ndarray], sinks: int, recent: int
) -> np.ndarray:
    """[heads, n, n]: whether query i still meets key j. Each step brings a key; one over the budget, the key
    of least value(i, attention so far) goes, the first `sinks` and the newest `recent` keys apart."""
    heads, n, _ = logits.shape
    met = np.zeros((heads, n, n), bool)
    cache, attention = np.zeros((heads, n), bool), np.zeros((heads, n))
    for i in range(n):
        cache[:, i] = True
        if i >= budget:
            may_go = cache.copy()
            may_go[:, :sinks] = may_go[:, max(0, i + 1 - recent) :] = False
            cache[np.arange(heads), np.where(may_go, value(i, attention), np.inf).argmin(1)] = False
        met[:, i] = cache
        row = np.where(cache, logits[:, i], -np.inf)
        weights = np.exp(row - row.max(1, keepdims=True))
        attention += weights / weights.sum(1, keepdims=True)
    assert (met.sum(2) == np.minimum(np.arange(n) + 1, budget)).all()  # equal budgets
    return met


def heavy_entries(keys: np.ndarray, queries: np.ndarray, epsilon: float, scale: float):
    """(head, query, key, weight) of every causal softmax weight >= epsilon, queries of the second half."""
    parts = []
    for head in range(len(keys)):
        found = heavykeys.scan(keys[head], queries[head], epsilon, f"softmax:{scale}", causal=True)
        query = np.repeat(np.arange(len(queries[head])), np.diff(found.indptr))
        late = query >= len(queries[head]) // 2
        parts.append((np.full(late.sum(), head), query[late], found.keys[late], found.weights[late]))
    return [np.concatenate(column) for column in zip(*parts)]


def audit(keys: np.ndarray, queries: np.ndarray, budgets: list[int], epsilon: float) -> dict:
    heads, n, dim = keys.shape
    scale = dim**-0.5
    head, query, key, weight = heavy_entries(keys, queries, epsilon, scale)
    logits = scale * queries.astype(np.float64) @ keys.astype(np.float64).transpose(0, 2, 1)
    leverage = prefix_leverage(keys)
    draws = np.random.default_rng(0).random((heads, n))
    positions = np.broadcast_to(np.arange(n), (heads, n))
    print(f"{heads} heads of {n} keys, dim {dim}; softmax, causal, epsilon {epsilon:g}")
    pairs = len(np.unique(head * n + key))
    print(f"{len(key)} heavy entries of the last {n - n // 2} queries of each head, on {pairs} keys;", end=" ")
    print(f"{(key < SINKS).mean():.0%} of them on the first {SINKS}\n")
    print("cache  policy          entries kept  their weight  an evicted key could get, x^2")
    rows = []
    for budget in budgets:
        policies = {
            "sinks + window": (lambda i, seen: positions, min(SINKS, budget - 1), 1),
            "H2O": (lambda i, seen: seen, 0, budget // 2),
            "leverage": (lambda i, seen: leverage[i], 0, 1),
            "random": (lambda i, seen: draws, 0, 1),
        }
        for name, policy in policies.items():
            met = simulate(logits, budget, *policy)
            kept = met[head, query, key]
            worst = (leverage.transpose(1, 0, 2) * ~met)[:, n // 2 :].max()
            if name == "leverage":  # the least of `budget` keys whose leverages sum to at most dim; it only falls
                assert worst <= dim / budget * (1 + 1e-6), (worst, dim / budget)
            share = weight[kept].sum() / weight.sum()
            rows.append({"budget": budget, "policy": name, "entries": kept.mean(), "weight": share, "x2": worst})
            print(f"{budget:5}  {name:14} {kept.mean():13.1%} {share:13.1%} {worst:12.3f}")
    return {"heads": heads, "keys": n, "dim": dim, "epsilon": epsilon, "heavy": len(key), "rows": rows}


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--keys", default=f"{HEADS}:k", help="[heads, n, d]: FILE.npy or FILE.safetensors:TENSOR")
    parser.add_argument("--queries", default=f"{HEADS}:q", help="[heads, n, d]: one for each key")
    parser.add_argument("--epsilon", type=float, default=0.05)
    parser.add_argument("--budgets", type=int, nargs="+", default=[32, 64, 128], metavar="B", help="keys a head")
    parser.add_argument("--out", type=Path, help="JSON, for plot_eviction.py")
    args = parser.parse_args()
    try:
        keys, queries = load(args.keys), load(args.queries)
        if queries.shape != keys.shape:
            raise heavykeys.InvalidInput(f"a query for each key is wanted: keys {keys.shape}, queries {queries.shape}")
        if not all(2 <= budget <= keys.shape[1] // 2 for budget in args.budgets):
            raise heavykeys.InvalidInput(f"budgets {args.budgets}: each must be in 2 .. {keys.shape[1] // 2}")
        record = audit(keys, queries, args.budgets, args.epsilon)
        if args.out:
            args.out.write_text(json.dumps(record, indent=1) + "\n")
    except (heavykeys.Error, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
