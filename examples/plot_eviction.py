#!/usr/bin/env python3
"""Draws what audit_eviction.py found, as SVG, without any library.

  examples/audit_eviction.py --budgets 8 16 24 32 48 64 96 128 --out audit.json
  examples/plot_eviction.py audit.json docs/examples-eviction.svg
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

PANEL, HEIGHT, LEFT, TOP, BOTTOM, GAP = 250, 300, 44, 62, 44, 66
COLOURS = {"sinks + window": "#d9822b", "H2O": "#5aa469", "leverage": "#2f7fd0", "random": "#8a8a8a"}
DASHES = {"random": ' stroke-dasharray="5 4"'}
TITLES = {"entries": "softmax: heavy entries kept", "x2": "x²: the most an evicted key could get"}


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def panel(left: float, figure: str, rows: list[dict]) -> list[str]:
    """One figure of each row, 0 to 100%, by budget on a logarithmic axis."""
    budgets = sorted({row["budget"] for row in rows})
    steps = math.log(budgets[-1] / budgets[0]) or 1.0
    across = {b: left + 12 + (PANEL - 24) * math.log(b / budgets[0]) / steps for b in budgets}
    bottom = HEIGHT - BOTTOM
    parts = [f'<text x="{left}" y="{TOP - 14}" font-weight="bold">{TITLES[figure]}</text>']
    for percent in range(0, 101, 20):
        y = bottom - (bottom - TOP) * percent / 100
        parts.append(f'<path d="M{left} {y:.1f}h{PANEL}" stroke="#888" stroke-opacity="0.3"/>')
        parts.append(text(left - 6, y + 4, f"{percent}%", "end"))
    parts += [text(across[b], bottom + 16, str(b)) for b in budgets]
    parts.append(text(left + PANEL / 2, bottom + 34, "keys in the cache of each head"))
    for name, colour in COLOURS.items():
        mine = sorted((row["budget"], row[figure]) for row in rows if row["policy"] == name)
        points = [(across[budget], bottom - (bottom - TOP) * value) for budget, value in mine]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{DASHES.get(name, "")}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return parts


def draw(record: dict) -> str:
    parts = []
    for position, (name, colour) in enumerate(COLOURS.items()):
        x = LEFT + 142 * position
        parts.append(f'<path d="M{x} 18h22" stroke="{colour}" stroke-width="2"{DASHES.get(name, "")}/>')
        parts.append(text(x + 28, 22, name, "start"))
    for position, figure in enumerate(TITLES):
        parts += panel(LEFT + position * (PANEL + GAP), figure, record["rows"])
    width = LEFT + 2 * PANEL + GAP + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
    return head + 'font-family="sans-serif" font-size="11" fill="#777">\n' + "\n".join(parts) + "\n</svg>\n"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    record = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(draw(record), encoding="utf-8")


if __name__ == "__main__":
    main()
