#!/usr/bin/env python3
"""Which selections of keys hold the heavy ones, at equal budget?

For every head: the keys that some real query gives a weight >= epsilon, by
brute force in float64, under x^2 and under softmax(q.k / sqrt d), all keys
visible or causal; and, for every key that can reach epsilon at all (x^2), the
query that gives it its leverage. Then the share of them that each selection
holds. Writes JSON; prints Markdown.

  bench/recall_study.py --out bench/results/recall.json
  bench/recall_study.py --capture DIR ...   # layers by scripts/capture_attention
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from recall_problems import Problem, captured, synthetic
from recall_selectors import keep, selectors, universal_set

ROOT = Path(__file__).resolve().parent.parent
FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2)


def weights(
    queries: np.ndarray, keys: np.ndarray, score: str, causal: bool
) -> np.ndarray:
    """Attention weights [m, n]; rows whose sum is 0 are 0."""
    products = queries @ keys.T
    m, n = products.shape
    hidden = np.zeros((m, n), dtype=bool)
    if causal:
        hidden = np.arange(n)[None] > np.arange(n - m, n)[:, None]
    if score == "softmax":
        products = np.where(hidden, -np.inf, products / np.sqrt(keys.shape[1]))
        terms = np.exp(products - products.max(axis=1, keepdims=True))
    else:
        terms = np.where(hidden, 0.0, np.square(products))
    sums = terms.sum(axis=1, keepdims=True)
    return np.divide(terms, sums, out=np.zeros_like(terms), where=sums > 0)


def truth(problem: Problem, score: str, causal: bool) -> list[dict]:
    """For every head: heavy keys [n], heavy pairs a key has [n], mass [n]."""
    heads = []
    for queries, keys in problem.heads:
        attention = weights(queries, keys, score, causal)
        if causal:
            # Early rows see so few keys that each of them is heavy.
            attention = attention[len(attention) // 2 :]
        heavy = attention >= problem.epsilon
        heads.append(
            {
                "keys": heavy.any(axis=0),
                "pairs": heavy.sum(axis=0),
                "mass": attention.mean(axis=0),
            }
        )
    return heads


def recall(
    truths: list[dict], scores: list[np.ndarray], fraction: float
) -> dict[str, float]:
    """Shares over all heads: of heavy keys, heavy pairs, and attention."""
    found = dict.fromkeys(("keys", "pairs", "mass"), 0.0)
    total = dict(found)
    for head, score in zip(truths, scores, strict=True):
        kept = keep(score, round(fraction * len(score)))
        for what, amounts in head.items():
            found[what] += float(amounts[kept].sum())
            total[what] += float(amounts.sum())
    return {what: found[what] / total[what] if total[what] else 1.0 for what in found}


def adversarial(problem: Problem, command: Path, draws: dict) -> dict:
    """Keys of leverage >= epsilon, each asked for by (K'K)^-1 k: the share that
    each selection of as many keys holds, and the greatest weight it loses."""
    result: dict = {"can_be_heavy": 0, "least_weight": 1.0}
    kept = {name: [] for name in draws}
    lost = dict.fromkeys(draws, 0.0)
    for index, (_, keys) in enumerate(problem.heads):
        members, _ = universal_set(command, keys, problem.epsilon_reach)
        asking = np.linalg.lstsq(keys.T @ keys, keys[members].T, rcond=None)[0].T
        reached = weights(asking, keys, "x^2", causal=False)[
            np.arange(len(members)), members
        ]
        result["can_be_heavy"] += len(members)
        result["least_weight"] = min([result["least_weight"], *reached])
        for name, scores in draws.items():
            inside = np.mean(
                [keep(s[index], len(members))[members] for s in scores], axis=0
            )
            kept[name].append(inside)
            lost[name] = max([lost[name], *reached[inside < 1]])
    for name in draws:
        share = float(np.concatenate(kept[name]).mean())
        result[name] = {"share": share, "greatest_weight_lost": float(lost[name])}
    return result


def study(problem: Problem, command: Path, seed: int) -> dict:
    draws = {}
    for name, (scores, repeats) in selectors(command).items():
        rng = np.random.default_rng(seed)
        draws[name] = [
            [scores(k, rng) for _, k in problem.heads] for _ in range(repeats)
        ]
    rows = []
    for score in ("x^2", "softmax"):
        for causal in (False, True) if problem.causal else (False,):
            heads = truth(problem, score, causal)
            for fraction in FRACTIONS:
                row = {"score": score, "causal": causal, "budget": fraction}
                row["heavy_keys"] = int(sum(h["keys"].sum() for h in heads))
                for name, scores in draws.items():
                    each = [recall(heads, s, fraction) for s in scores]
                    row[name] = {
                        w: float(np.mean([e[w] for e in each])) for w in each[0]
                    }
                    row[name]["keys_sd"] = float(np.std([e["keys"] for e in each]))
                rows.append(row)
    return {
        "problem": problem.name,
        "epsilon": problem.epsilon,
        "epsilon_reach": problem.epsilon_reach,
        "keys": sum(len(k) for _, k in problem.heads),
        "recall": rows,
        "adversarial": adversarial(problem, command, draws),
    }


def markdown(results: list[dict], budgets: tuple[float, float] = (1 / 8, 1 / 4)) -> str:
    """Two tables: real queries, at two budgets a cell; adversarial queries."""
    names = list(selectors(Path()))
    title = " | ".join(names)
    lines = [
        f"| keys | f | epsilon | heavy keys | {title} |\n"
        + "| --- " * (len(names) + 4)
        + "|\n"
    ]
    for result in results:
        chosen = [
            r for r in result["recall"] if r["budget"] in budgets and r["heavy_keys"]
        ]
        for low, high in zip(chosen[::2], chosen[1::2], strict=True):
            f = low["score"] + (", causal" if low["causal"] else "")
            cells = " | ".join(
                f"{low[n]['keys']:.2f} · {high[n]['keys']:.2f}" for n in names
            )
            lines.append(
                f"| {result['problem']} | {f} | {result['epsilon']} | {low['heavy_keys']:,} | {cells} |\n"
            )
    lines.append(
        f"\n| keys | epsilon | can reach it | {title} |\n"
        + "| --- " * (len(names) + 3)
        + "|\n"
    )
    for result in results:
        hunt = result["adversarial"]
        cells = [
            f"{hunt[n]['share']:.2f} ({hunt[n]['greatest_weight_lost']:.3f})"
            for n in names
        ]
        lines.append(
            f"| {result['problem']} | {result['epsilon_reach']} | {hunt['can_be_heavy']:,} of "
            f"{result['keys']:,} | {' | '.join(cells)} |\n"
        )
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--heavykeys", type=Path, default=ROOT / "build/release/bin/heavykeys"
    )
    parser.add_argument("--data", type=Path, default=ROOT / "tests/data")
    parser.add_argument(
        "--capture", type=Path, help="a folder of scripts/capture_attention"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON")
    args = parser.parse_args()
    begin = time.perf_counter()
    problems = captured(args.data, args.capture) + synthetic(args.seed)
    results = [study(problem, args.heavykeys, args.seed) for problem in problems]
    print(markdown(results))
    if args.out:
        seconds = round(time.perf_counter() - begin, 1)
        record = {"seed": args.seed, "seconds": seconds, "results": results}
        args.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
