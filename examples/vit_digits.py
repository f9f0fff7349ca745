#!/usr/bin/env python3
"""LevAttention in a small vision transformer on real images: what a budget of keys costs.

The 1,797 handwritten digits of scikit-learn, 8 x 8 pixels: 64 tokens of one
pixel and a class token. Compared at budgets of 8, 16 and 32 of the 65 keys,
chosen for each head of each image: greatest leverage, greatest and least norm,
random. "inference only": the weights are those trained with full softmax;
"trained": the choice was in force while training, too. After LevAttention
(arXiv 2410.05462), section on vision transformers.

  examples/vit_digits.py --out bench/results/vit_digits.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from heavykeys.torch import LevAttention
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

BUDGETS = (8, 16, 32)
Choice = Callable[[int], dict]  # budget -> how LevAttention chooses its keys


def of_scores(scores: Callable[[Tensor], Tensor]) -> Choice:
    """The keys [B, H, n, d] of greatest score [B, H, n]."""
    return lambda budget: {"select": lambda keys: scores(keys).topk(budget).indices}


CHOICES: dict[str, Choice] = {
    "leverage": lambda budget: {"budget": budget},
    "high norm": of_scores(lambda keys: keys.norm(dim=-1)),
    "low norm": of_scores(lambda keys: -keys.norm(dim=-1)),
    "random": of_scores(lambda keys: torch.rand(keys.shape[:3])),
}
TRAINED = ("leverage", "high norm", "random")  # low norms: see what they do at inference


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention: nn.Module = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """[B, 64] pixels -> [B, 10]."""

    def __init__(self, width: int = 32, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.pixel = nn.Linear(1, width)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.place = nn.Parameter(0.5 * torch.randn(1, 65, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, images: Tensor) -> Tensor:
        x = torch.cat([self.token.expand(len(images), -1, -1), self.pixel(images[..., None])], 1)
        x = x + self.place
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])

    def restrict(self, **choice) -> Vit:
        """The same weights, with LevAttention in the place of every attention."""
        for block in self.blocks:
            old = block.attention
            new = LevAttention(old.embed_dim, old.num_heads, batch_first=True, **choice)
            new.load_state_dict(old.state_dict())
            block.attention = new
        return self


def batches(count: int, size: int) -> Iterator[Tensor]:
    return iter(torch.randperm(count).split(size))


def train(model: Vit, images: Tensor, labels: Tensor, epochs: int, size: int = 64) -> Vit:
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    steps = epochs * -(-len(images) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for rows in batches(len(images), size):
            loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return model


@torch.no_grad()
def accuracy(model: Vit, images: Tensor, labels: Tensor) -> float:
    model.eval()
    return (model(images).argmax(1) == labels).double().mean().item()


def study(seed: int, epochs: int, limit: int | None = None) -> list[dict]:
    """One split and one initialisation: every choice and budget. limit: of images to train on."""
    digits = load_digits()
    x, x_test, y, y_test = (
        torch.as_tensor(part)
        for part in train_test_split(
            (digits.data / 8 - 1).astype(np.float32),
            digits.target,
            test_size=0.25,
            random_state=seed,
            stratify=digits.target,
        )
    )

    x, y = x[:limit], y[:limit]

    def fresh() -> Vit:
        torch.manual_seed(seed)
        return Vit()

    def row(choice: str, budget: int, mode: str, model: Vit) -> dict:
        value = accuracy(model, x_test, y_test)
        print(f"seed {seed}  {choice:10} {budget:3} {mode:15} {value:.4f}", flush=True)
        return {"seed": seed, "choice": choice, "budget": budget, "mode": mode, "accuracy": value}

    full = train(fresh(), x, y, epochs)
    rows = [row("every key", 65, "trained", full)]
    weights = full.state_dict()
    for name, choice in CHOICES.items():
        for budget in BUDGETS:
            model = fresh().restrict(**choice(budget))
            model.load_state_dict(weights)
            rows.append(row(name, budget, "inference only", model))
            if name in TRAINED:
                model = train(fresh().restrict(**choice(budget)), x, y, epochs)
                rows.append(row(name, budget, "trained", model))
    return rows


def markdown(rows: list[dict]) -> str:
    """Mean and, in brackets, least and most over the seeds, in percent."""
    lines = ["| keys chosen by | mode | " + " | ".join(map(str, BUDGETS)) + " |\n"]
    lines.append("| --- " * (2 + len(BUDGETS)) + "|\n")

    def cell(choice: str, budget: int, mode: str) -> str:
        wanted = (choice, budget, mode)
        values = [
            100 * r["accuracy"] for r in rows if (r["choice"], r["budget"], r["mode"]) == wanted
        ]
        return f"{np.mean(values):.1f} ({min(values):.1f} – {max(values):.1f})"

    for mode, choices in (("inference only", tuple(CHOICES)), ("trained", TRAINED)):
        for choice in choices:
            cells = " | ".join(cell(choice, budget, mode) for budget in BUDGETS)
            lines.append(f"| {choice} | {mode} | {cells} |\n")
    return "".join(lines) + f"\nevery key (65): {cell('every key', 65, 'trained')}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="that it runs: one seed, an epoch")
    parser.add_argument("--out", type=Path, help="JSON")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.epochs = args.seeds[:1], 1
    torch.set_num_threads(args.threads)
    begin = time.process_time()
    rows = []
    for seed in args.seeds:
        rows += study(seed, args.epochs, 128 if args.quick else None)
        if args.out:
            seconds = round(time.process_time() - begin)
            record = {
                "seeds": args.seeds,
                "epochs": args.epochs,
                "cpu_seconds": seconds,
                "rows": rows,
            }
            args.out.write_text(json.dumps(record, indent=1) + "\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
