#!/usr/bin/env python3
"""Expressive attention beside dot-product attention, on delayed sums of growing complexity.

The task of "Expressive Attention" (arXiv 2407.18601): sequences of symbols
0 .. N-1 with x_t = (x_{t-1} + x_{t-tau}) mod N after tau random ones; predict
the next symbol. A causal transformer of one layer learns it from fresh
sequences: with softmax(x), x = q.k / sqrt(d), and with weights x^2 / (1 + x^2)
over their sum, x = q.k / sqrt(d) or 0.03 q.k. (With untrained weights q.k is
about 2; the last starts where f is x^2, the one before where f is saturated.)
The same initial weights and the same data for all three.

  examples/delayed_sum.py --out bench/results/delayed_sum.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import heavykeys
import numpy as np
import torch
from heavykeys.torch import LevAttention
from torch import Tensor, nn

SCORES = {  # name -> f and its scale; None: 1 / sqrt(d)
    "dot product": ("softmax", None),
    "expressive": ("expressive", None),
    "expressive, small": ("expressive", 0.03),
}
TASKS = [(4, 5), (8, 5), (16, 5), (16, 8), (32, 5)]  # (N, tau)
LENGTH = 20
CHECKS = 20  # of the accuracy, along a training


def sequences(count: int, n: int, tau: int, rng: torch.Generator) -> Tensor:
    """[count, LENGTH + 1] symbols."""
    x = torch.empty(count, LENGTH + 1, dtype=torch.long)
    x[:, :tau] = torch.randint(n, (count, tau), generator=rng)
    for t in range(tau, LENGTH + 1):
        x[:, t] = (x[:, t - 1] + x[:, t - tau]) % n
    return x


def every_key(keys: Tensor) -> heavykeys.KeySets:
    return heavykeys.every_key(*keys.shape[:3])


class Model(nn.Module):
    """[B, LENGTH] symbols -> [B, LENGTH, n], the next one at every place."""

    def __init__(self, n: int, name: str, width: int, heads: int) -> None:
        super().__init__()
        self.symbol = nn.Embedding(n, width)
        self.place = nn.Parameter(0.5 * torch.randn(LENGTH, width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        score, scale = SCORES[name]
        self.attention = LevAttention(
            width,
            heads,
            batch_first=True,
            select=every_key,
            score=score,
            scale=scale or (width // heads) ** -0.5,
            causal=True,
        )
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, n))

    def forward(self, symbols: Tensor) -> Tensor:
        x = self.symbol(symbols) + self.place
        y = self.norm1(x)
        x = x + self.attention(y, y, y)[0]
        return self.head(x + self.mlp(self.norm2(x)))


def run(n: int, tau: int, name: str, seed: int, args: argparse.Namespace) -> dict:
    """Accuracy on fresh sequences, where the sum is defined, along the training."""
    torch.manual_seed(seed)
    model = Model(n, name, args.width, args.heads)
    rng = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, total_steps=args.steps)
    curve = []
    for step in range(1, args.steps + 1):
        x = sequences(args.batch, n, tau, rng)
        out = model(x[:, :-1])[:, tau - 1 :]
        loss = nn.functional.cross_entropy(out.flatten(0, 1), x[:, tau:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % (args.steps // CHECKS) == 0:
            curve.append(accuracy(model, n, tau, seed))
    learnt = [i for i, value in enumerate(curve, 1) if value >= 0.99]
    return {
        "n": n,
        "tau": tau,
        "score": name,
        "seed": seed,
        "accuracy": curve[-1],
        "steps_to_99": learnt[0] * args.steps // CHECKS if learnt else None,
        "curve": curve,
    }


@torch.no_grad()
def accuracy(model: Model, n: int, tau: int, seed: int) -> float:
    x = sequences(256, n, tau, torch.Generator().manual_seed(10_000 + seed))
    guess = model(x[:, :-1]).argmax(2)
    return (guess[:, tau - 1 :] == x[:, tau:]).double().mean().item()


def markdown(rows: list[dict]) -> str:
    """Mean accuracy in percent (least - most over the seeds), and the steps to 99% of each seed."""
    lines = ["| N | tau | chance | " + " | ".join(SCORES) + " |\n", "| --- " * 6 + "|\n"]
    for n, tau in dict.fromkeys((r["n"], r["tau"]) for r in rows):
        cells = []
        for name in SCORES:
            mine = [r for r in rows if (r["n"], r["tau"], r["score"]) == (n, tau, name)]
            values = [100 * r["accuracy"] for r in mine]
            steps = ", ".join(str(r["steps_to_99"] or "–") for r in mine)
            cells.append(f"{np.mean(values):.1f} ({min(values):.1f} – {max(values):.1f}); {steps}")
        lines.append(f"| {n} | {tau} | {100 / n:.1f} | {' | '.join(cells)} |\n")
    return "".join(lines)


def task(text: str) -> tuple[int, int]:
    n, tau = map(int, text.split(","))
    return n, tau


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--tasks", type=task, nargs="+", default=TASKS, metavar="N,TAU", help="default: a ladder"
    )
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one seed, 20 steps: that it runs")
    parser.add_argument("--out", type=Path, help="JSON")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.steps = args.seeds[:1], 20
    torch.set_num_threads(args.threads)
    begin = time.process_time()
    rows = []
    for n, tau in args.tasks:
        for seed in args.seeds:
            for name in SCORES:
                rows.append(run(n, tau, name, seed, args))
                value = rows[-1]["accuracy"]
                print(f"N {n}  tau {tau}  seed {seed}  {name:17}  {value:.4f}", flush=True)
    print(markdown(rows))
    if args.out:
        seconds = round(time.process_time() - begin)
        settings = {k: v for k, v in vars(args).items() if k != "out"}
        record = {"settings": settings, "cpu_seconds": seconds, "rows": rows}
        args.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
