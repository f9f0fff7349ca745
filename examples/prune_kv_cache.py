#!/usr/bin/env python3
"""Prunes a KV cache to the universal set of every head, and says what that costs.

A key is dropped if no query whatsoever could give it epsilon of its attention under f(x) = x^2. That is
a theorem, and is checked here in NumPy. Not promised: that the keys dropped do not matter together, and
anything about softmax, which has no such set smaller than all keys. Both are measured, for queries that
the choice did not see (the second half of those given), beside other policies with as many keys a head.

  examples/prune_kv_cache.py --epsilon 0.1
  examples/prune_kv_cache.py --keys k.npy --queries q.npy --values v.npy      each [n, d] or [heads, n, d]
"""

from __future__ import annotations

import argparse
from pathlib import Path

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


def leverage_of(keys: np.ndarray) -> np.ndarray:
    """[heads, n]: the most that any query could give each key under x^2; by an SVD, without heavykeys."""
    left, size, _ = np.linalg.svd(keys.astype(np.float64), full_matrices=False)
    return np.where(size[:, None] > 1e-10 * size[:, None, :1], left**2, 0).sum(2)


def weights_of(queries: np.ndarray, keys: np.ndarray, score: str) -> np.ndarray:
    """[heads, m, n]: full attention, in float64."""
    x = queries.astype(np.float64) @ keys.astype(np.float64).transpose(0, 2, 1)
    x = np.exp((x - x.max(2, keepdims=True)) * keys.shape[2] ** -0.5) if score == "softmax" else x**2
    return x / np.maximum(x.sum(2, keepdims=True), 1e-300)  # a query of zeros gives no key anything


def rivals(sets: list[np.ndarray], seen: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Other choices of as many keys a head. seen [heads, n]: softmax weight summed over queries so far."""
    n = seen.shape[1]
    rng = np.random.default_rng(0)
    chosen: dict[str, list[np.ndarray]] = {"sinks + newest": [], "H2O-like": [], "random": []}
    for count, sums in zip(map(len, sets), seen):
        first = np.arange(min(SINKS, count))
        chosen["sinks + newest"].append(np.r_[first, np.arange(n - count + len(first), n)])
        newest = np.arange(n - count // 2, n)  # half of the budget; the rest: what had most attention
        order = np.argsort(-sums, kind="stable")
        chosen["H2O-like"].append(np.r_[order[~np.isin(order, newest)][: count - len(newest)], newest])
        chosen["random"].append(rng.permutation(n)[:count])
    return chosen


def key_sets(lists: list[np.ndarray], n: int) -> heavykeys.KeySets:
    rows = np.concatenate([np.sort(rows) for rows in lists])
    return heavykeys.KeySets(rows, np.cumsum([0, *map(len, lists)]), n, heads=len(lists))


def measure(lists: list[np.ndarray], queries, keys, values, full, score: str) -> tuple[float, str]:
    """The greatest weight of a dropped key; that, the share of attention held and the error, as text."""
    gone = np.ones((keys.shape[0], 1, keys.shape[1]), bool)
    for head, rows in enumerate(lists):
        gone[head, :, rows] = False
    weight, held = (full * gone).max(), 1 - (full * gone).sum(2).mean()
    error = "-"
    if values is not None:
        dense = heavykeys.attend(queries, keys, values, score=score)
        pruned = heavykeys.attend(queries, keys, values, key_sets(lists, keys.shape[1]), score=score)
        norms = [np.linalg.norm(x, axis=(1, 2)) for x in (pruned - dense, dense)]
        error = f"{(norms[0] / norms[1]).mean():.3f}"
    return weight, f"{weight:9.4f} {held:6.1%} {error:>6}"


def check(sets: list[np.ndarray], leverage: np.ndarray, epsilon: float) -> float:
    """The sets are all keys that some query could give epsilon, and no others. Returns the most that any
    query could give another key."""
    near = 1e-5  # heavykeys decides for keys rounded to its grid of 24 bits; leverage is of the keys as they are
    worst = could_get(sets, leverage)
    assert worst < epsilon * (1 + near), (worst, epsilon)
    assert all(own[rows].min(initial=1) > epsilon * (1 - near) for own, rows in zip(leverage, sets))
    return worst


def could_get(lists: list[np.ndarray], leverage: np.ndarray) -> float:
    """The most that any query could give a key that is not in the lists."""
    return max(np.delete(own, rows).max(initial=0) for own, rows in zip(leverage, lists))


def report(keys, queries, values, epsilon: float) -> None:
    heads, n, dim = keys.shape
    for name, other in (("queries", queries), ("values", values)):
        if other is not None and (len(other), other.shape[-1] if name == "queries" else dim) != (heads, dim):
            raise heavykeys.InvalidInput(f"{name} {other.shape} do not go with keys {keys.shape}")
    leverage = leverage_of(keys)
    found = heavykeys.universal_keys(keys, epsilon)  # sees the keys alone
    sets = [found[0, head] for head in range(heads)]
    history, queries = np.array_split(queries, 2, axis=1)
    full = {score: weights_of(queries, keys, score) for score in ("power:2", "softmax")}
    policies = {"universal set": sets, **rivals(sets, weights_of(history, keys, "softmax").sum(1))}
    kept, share = [len(rows) for rows in sets], sum(map(len, sets)) / heads / n
    worst = check(sets, leverage, epsilon)
    print(f"{heads} heads of {n} keys, dim {dim}; f(x) = x^2, epsilon {epsilon:g}")
    print(f"kept       {sum(kept)} of {heads * n} keys ({share:.1%}): {min(kept)} to {max(kept)} a head")
    print(f"guarantee  no query can give a dropped key {epsilon:g} under x^2; the most is {worst:.6f} (checked)")
    print(f"measured   over {queries.shape[1]} queries a head, which no policy has seen; softmax has no guarantee\n")
    print(f"{'':15} {'x^2':^33} {'softmax':^23}".rstrip())
    print(f"{'policy':15} {'any query':>9}" + 2 * f" {'greatest':>9} {'held':>6} {'error':>6}")
    for name, lists in policies.items():
        worst = could_get(lists, leverage)
        (given, squares), (_, soft) = (measure(lists, queries, keys, values, full[s], s) for s in full)
        assert given <= worst * (1 + 1e-6), (given, worst)  # what a query does give, it could
        print(f"{name:15} {worst:9.6f} {squares} {soft}")
    print("\nany query: the most that any query could give a dropped key; greatest: what one of these queries gives")
    print("one; held: of the attention, by the kept keys (mean); error: of the output, |pruned - full| / |full|")


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--keys", default=f"{HEADS}:k", help="FILE.npy or FILE.safetensors:TENSOR")
    parser.add_argument("--queries", default=f"{HEADS}:q", help="those so far; the second half measures")
    parser.add_argument("--values", help="without: no errors (the repository's own keys have theirs)")
    parser.add_argument("--epsilon", type=float, default=0.1)
    args = parser.parse_args()
    if args.keys == parser.get_default("keys"):
        args.values = args.values or f"{HEADS}:v"
    try:
        values = load(args.values) if args.values else None
        report(load(args.keys), load(args.queries), values, args.epsilon)
    except (heavykeys.Error, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
