#!/usr/bin/env python3
"""Draw docs/attention-masks.svg: which keys each query attends to.

48 keys of dimension 2, a few of them outliers, f = x^2, epsilon = 0.25,
blocks of 8 rows; computed here by the definition, in float64.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROWS, BLOCK, EPSILON, CELL = 48, 8, 0.25, 6
SINKS, WINDOW = 2, 4
OUT = Path(__file__).resolve().parents[1] / "docs" / "attention-masks.svg"
COLOURS = {"set": "#2f6fb2", "block": "#9cc3e6", "sink": "#d9822b", "window": "#5aa469"}
TEXT = {
    "set": "universal set of earlier blocks",
    "block": "its own block",
    "sink": "sinks = 2",
    "window": "window = 4",
}


def universal(keys: np.ndarray) -> set[int]:
    """Rows of keys [n, d] whose leverage is at least EPSILON."""
    if not len(keys):
        return set()
    inverse = np.linalg.pinv(keys.T @ keys)
    leverage = np.einsum("ni,ij,nj->n", keys, inverse, keys)
    return set(np.flatnonzero(leverage >= EPSILON).tolist())


def cells(keys: np.ndarray, second: bool) -> list[tuple[int, int, str]]:
    """(query, key, kind) of all that is attended to."""
    found = []
    for t in range(ROWS):
        begin = t // BLOCK * BLOCK
        members = universal(keys[:begin])
        for j in range(t + 1):
            if j in members:
                found.append((t, j, "set"))
            elif second and j < SINKS:
                found.append((t, j, "sink"))
            elif second and j > t - WINDOW:
                found.append((t, j, "window"))
            elif not second and j >= begin:
                found.append((t, j, "block"))
    return found


def panel(x: int, title: str, kinds: list[str], keys: np.ndarray, second: bool) -> list[str]:
    side = ROWS * CELL
    out = [f'<g transform="translate({x},56)">', f'<text x="0" y="-34" font-weight="bold">{title}</text>']
    at = 0
    for kind in kinds:
        out.append(f'<rect x="{at}" y="-22" width="9" height="9" fill="{COLOURS[kind]}"/>')
        out.append(f'<text x="{at + 13}" y="-13">{TEXT[kind]}</text>')
        at += 25 + round(5.6 * len(TEXT[kind]))
    out.append(f'<rect width="{side}" height="{side}" fill="none" stroke="#888"/>')
    for t, j, kind in cells(keys, second):
        out.append(
            f'<rect x="{j * CELL}" y="{t * CELL}" width="{CELL - 1}" height="{CELL - 1}" fill="{COLOURS[kind]}"/>'
        )
    out.append(f'<text x="{side / 2}" y="{side + 16}" text-anchor="middle">key</text>')
    out.append(f'<text x="-8" y="{side / 2}" text-anchor="middle" transform="rotate(-90,-8,{side / 2})">query</text>')
    return [*out, "</g>"]


def main() -> None:
    rng = np.random.default_rng(4)
    keys = rng.standard_normal((ROWS, 2))
    for row in (5, 13, 30):
        keys[row] *= 4
    width, height = 2 * ROWS * CELL + 130, ROWS * CELL + 84
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11" fill="#666">',
        *panel(24, "prefix_keys, block_rows = 8", ["set", "block"], keys, False),
        *panel(ROWS * CELL + 76, "a set, sinks and a window", ["set", "sink", "window"], keys, True),
        "</svg>",
    ]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
