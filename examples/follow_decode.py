#!/usr/bin/env python3
"""Follows a decode: keys of many heads come a token at a time; which tokens could still matter?

A sketch for each head takes each new key. Every --snapshot tokens it names the keys that some query could
still give epsilon of its attention under f(x) = x^2, and is saved. The run is then cut off in the middle,
resumed from what was saved, and must end with the same bytes. Each snapshot is checked against all keys so
far, in NumPy, for every query that there could be; and a key that has left must not come back.

  examples/follow_decode.py --epsilon 0.3 --snapshot 64
  examples/follow_decode.py --keys k.npy --tokens words.txt       keys [heads, n, d]; line i names token i
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import heavykeys
import numpy as np
from heavykeys import io

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
BLOCK = 64  # rows that wait for the rest of their block: small, as here a cache is short


def load(path: str) -> np.ndarray:
    """float32 [heads, n, d], from any file of float16, bfloat16, float32 or float64."""
    tensor = io.open_tensor(path)
    if tensor.dtype == np.uint16:  # NumPy's own word for bfloat16, without the package ml_dtypes
        tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
    return np.array(tensor, np.float32, ndmin=3)


def save(sketches: list[heavykeys.Sketch], folder: Path) -> None:
    """folder/TOKENS/head-000.hks, ...: all heads or none; the save before goes when this one is there."""
    temporary = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    for head, sketch in enumerate(sketches):
        sketch.save(temporary / f"head-{head:03}.hks")
    os.replace(temporary, folder / f"{sketches[0].next_row():012}")
    for older in sorted(folder.glob("[0-9]*"))[:-1]:
        shutil.rmtree(older)


def resume(folder: Path) -> list[heavykeys.Sketch]:
    """The sketches of the newest save; none if there is none."""
    saves = sorted(folder.glob("[0-9]*"))
    return [heavykeys.Sketch.load(path) for path in sorted(saves[-1].iterdir())] if saves else []


def check(universal: heavykeys.UniversalSet, before: np.ndarray, keys: np.ndarray) -> None:
    """universal: of all keys [t, d] so far; before: whether each key of the last snapshot was in that."""
    left, size, _ = np.linalg.svd(keys.astype(np.float64), full_matrices=False)
    leverage = (left[:, size > 1e-10 * size[0]] ** 2).sum(1)  # the most that any query could give each key
    inside = np.isin(np.arange(len(keys)), universal.ids)
    epsilon, near = universal.spec.epsilon, 1e-5  # heavykeys decides for keys on its grid of 24 bits
    assert (leverage[~inside] < epsilon * (1 + near)).all() and (leverage[inside] > epsilon * (1 - near)).all()
    back = inside[: len(before)] & ~before
    assert (leverage[: len(before)][back] < epsilon * (1 + near)).all(), np.flatnonzero(back)


def decode(keys: np.ndarray, args: argparse.Namespace, folder: Path, until: int, show: bool = False):
    """Takes tokens up to `until`, from where the folder's newest save ends. Returns the sketches."""
    heads, _, dim = keys.shape
    sketches = resume(folder)
    sketches = sketches or [heavykeys.Sketch(dim, args.epsilon, block_rows=BLOCK) for _ in range(heads)]
    before = [np.zeros(0, bool)] * heads
    for t in range(sketches[0].next_row(), until):
        heavykeys.absorb(sketches, keys[:, t : t + 1])  # all heads or none: a NaN changes no sketch
        if (t + 1) % args.snapshot == 0:
            sets = [sketch.finalize() for sketch in sketches]  # the sketches go on
            for h in range(heads):
                check(sets[h], before[h], keys[h, : t + 1])
            before = [np.isin(np.arange(t + 1), universal.ids) for universal in sets]
            save(sketches, folder)
            if show:
                kept, old = np.mean(before), np.mean([inside[: (t + 1) // 2] for inside in before])
                size = np.mean([len(sketch.to_bytes()) for sketch in sketches]) / 1024
                print(f"{t + 1:6} {kept * (t + 1):20.1f} {kept:13.1%} {old:20.1%} {size:13.0f}")
    return sketches


def run(args: argparse.Namespace) -> None:
    keys = load(args.keys)
    words = Path(args.tokens).read_text(encoding="utf-8").splitlines() if args.tokens else []
    heads, n, dim = keys.shape
    print(f"{heads} heads of {n} keys, dim {dim}; f(x) = x^2, epsilon {args.epsilon:g}")
    print("tokens  could matter, a head  of all so far  of the older half    KiB to save")
    with tempfile.TemporaryDirectory() as scratch:
        unbroken, broken = Path(scratch, "unbroken"), Path(scratch, "broken")
        unbroken.mkdir()
        broken.mkdir()
        whole = decode(keys, args, unbroken, n, show=True)
        cut = n // 2 + args.snapshot // 3  # after a save, so some tokens come again
        decode(keys, args, broken, cut)
        saved = max((sketch.next_row() for sketch in resume(broken)), default=0)
        again = decode(keys, args, broken, n)
    assert [a.to_bytes() for a in whole] == [b.to_bytes() for b in again]
    print(f"cut off at token {cut}, resumed from the save at {saved}: the same bytes in all {heads} heads")
    votes = sum(np.isin(np.arange(n), sketch.finalize().ids).astype(int) for sketch in whole)
    for name, chosen in (("every head", votes == heads), ("no head", votes == 0)):
        some = ", ".join(words[t] if t < len(words) else str(t) for t in np.flatnonzero(chosen)[:8])
        print(f"could matter in {name}: {chosen.sum()} tokens: {some}")


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    heads = f"{DATA / 'heads.safetensors'}:k"
    parser.add_argument("--keys", default=heads, help="FILE.npy or FILE.safetensors:TENSOR")
    parser.add_argument("--tokens", help="text file, line i names token i")
    parser.add_argument("--epsilon", type=float, default=0.2)
    parser.add_argument("--snapshot", type=int, default=32, metavar="N", help="tokens between two")
    args = parser.parse_args()
    if args.snapshot < 1:
        parser.error("--snapshot: at least 1")
    if args.keys == heads:
        args.tokens = args.tokens or DATA / "heads.tokens.txt"
    try:
        run(args)
    except (heavykeys.Error, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
