#!/usr/bin/env python3
"""Attention over few keys in a module of your own, forward and backward; a model is trained with it.

The attention is lev_attention with softmax weights, over the keys that some query could give epsilon of its
attention under f(x) = x^2, found anew at every call. (For softmax that choice is a heuristic, without a
guarantee.) First, with every key kept, outputs and gradients are compared with PyTorch's own attention.
Then the model learns, with either, to say which of 128 words of a text is marked.

  examples/call_from_pytorch.py --epsilon 0.3 --steps 60
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import heavykeys
import torch
from heavykeys.torch import lev_attention
from torch import Tensor, nn

TOKENS = Path(__file__).resolve().parents[1] / "tests" / "data" / "stream.tokens.txt"
WIDTH, HEADS, LENGTH, BATCH, VOCABULARY = 64, 4, 128, 32, 256


class Attention(nn.Module):
    """x [B, n, WIDTH] -> [B, 1, WIDTH]: what the last place attends to. epsilon: None for PyTorch's own
    attention, 0 for every key by heavykeys."""

    def __init__(self, epsilon: float | None) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.epsilon = epsilon
        self.kept = 1.0  # share of the keys, at the last call

    def forward(self, x: Tensor) -> Tensor:
        rows = self.project(x).unflatten(2, (3, HEADS, WIDTH // HEADS))
        q, k, v = rows.permute(2, 0, 3, 1, 4)  # [B, HEADS, n, WIDTH / HEADS] each, views
        q = q[:, :, -1:]
        if self.epsilon is None:
            y = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            y = lev_attention(q, k, v, self.choose(k))
        return self.out(y.transpose(1, 2).flatten(2))

    def choose(self, k: Tensor) -> heavykeys.KeySets:
        """Which keys; a constant to autograd. lev_attention(q, k, v, epsilon=...) chooses the same."""
        if self.epsilon == 0:
            return heavykeys.every_key(*k.shape[:3])
        sets = heavykeys.universal_keys(k.detach(), self.epsilon)
        self.kept = len(sets.keys) / k.shape[:3].numel()
        return sets


class Model(nn.Module):
    """words [B, LENGTH], marked [B] -> [B, VOCABULARY]."""

    def __init__(self, epsilon: float | None) -> None:
        super().__init__()
        torch.manual_seed(0)  # the same weights, whatever the attention
        self.word, self.mark = nn.Embedding(VOCABULARY, WIDTH), nn.Parameter(torch.randn(WIDTH))
        self.attention, self.head = Attention(epsilon), nn.Linear(WIDTH, VOCABULARY)

    def forward(self, words: Tensor, marked: Tensor) -> Tensor:
        place = nn.functional.one_hot(marked, LENGTH).unsqueeze(2)
        return self.head(self.attention(self.word(words) + place * self.mark)[:, 0])


def batches(text: Tensor, count: int, seed: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(words [BATCH, LENGTH], which is marked [BATCH], the word there [BATCH])."""
    rng = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        starts = torch.randint(len(text) - LENGTH, (BATCH,), generator=rng).tolist()
        words = torch.stack([text[s : s + LENGTH] for s in starts])
        marked = torch.randint(LENGTH, (BATCH,), generator=rng)
        made.append((words, marked, words[torch.arange(BATCH), marked]))
    return made


def compare_with_dense(words: Tensor, marked: Tensor, wanted: Tensor) -> None:
    """Every key kept: the same outputs and gradients as PyTorch's attention, up to rounding."""
    dense, ours = Model(None), Model(0.0)
    outputs = [model(words, marked) for model in (dense, ours)]
    for output in outputs:
        nn.functional.cross_entropy(output, wanted).backward()
    error = (outputs[0] - outputs[1]).abs().max().item()
    pairs = zip(dense.parameters(), ours.parameters())
    gradient = max((a.grad - b.grad).abs().max().item() for a, b in pairs)
    assert error < 1e-5 and gradient < 1e-5, (error, gradient)
    print("every key kept: outputs and gradients are PyTorch's within 1e-5")


def train(epsilon: float | None, data: list[tuple[Tensor, Tensor, Tensor]]) -> Model:
    """A step for each batch."""
    model = Model(epsilon)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for words, marked, wanted in data:
        loss = nn.functional.cross_entropy(model(words, marked), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


def run(args: argparse.Namespace) -> None:
    words = Path(args.text).read_text(encoding="utf-8").split()
    if len(words) < 4 * LENGTH:
        raise heavykeys.InvalidInput(f"{args.text}: {len(words)} words; wanted at least {4 * LENGTH}")
    common = [word for word, _ in Counter(words).most_common(VOCABULARY - 1)]
    index = {word: i for i, word in enumerate(common)}
    text = torch.tensor([index.get(word, VOCABULARY - 1) for word in words])  # the last: any other word
    learn, test = batches(text[: len(text) // 2], args.steps, 1), batches(text[len(text) // 2 :], 16, 2)
    compare_with_dense(*learn[0])
    often = torch.cat([wanted for _, _, wanted in learn]).mode().values
    chance = torch.cat([wanted for _, _, wanted in test]).eq(often).float().mean().item()
    print(f"{args.steps} steps; right on text not seen (the most frequent answer: {chance:.0%})")
    for name, epsilon in (("PyTorch's attention", None), (f"epsilon {args.epsilon:g}", args.epsilon)):
        model = train(epsilon, learn)
        with torch.no_grad():
            right = [model(words, marked).argmax(1) == wanted for words, marked, wanted in test]
        share = torch.cat(right).float().mean().item()
        print(f"  {name:20} {share:4.0%}, attending to {model.attention.kept:.0%} of the keys")


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--text", default=TOKENS, help="tokens, separated by white space")
    parser.add_argument("--epsilon", type=float, default=0.2)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    torch.set_num_threads(1)  # products this small gain nothing from more
    if args.steps < 1:
        parser.error("--steps: at least 1")
    try:
        run(args)
    except (heavykeys.Error, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
