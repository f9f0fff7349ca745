#!/usr/bin/env python3
"""Draws what vit_digits.py found, as SVG, without any library.

examples/plot_vit.py bench/results/vit_digits.json docs/experiments-vit.svg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 360, 52, 206, 16, 40
COLOURS = {
    "leverage": "#1f6fb4",
    "high norm": "#c96a10",
    "low norm": "#8a8a8a",
    "random": "#3a8f3a",
}
DASHES = {"trained": "", "inference only": ' stroke-dasharray="5 4"'}


def x_of(position: int, count: int) -> float:
    return LEFT + 24 + (WIDTH - LEFT - RIGHT - 48) * position / (count - 1)


def y_of(percent: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - percent / 100)


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def axes(budgets: list[int], full: float) -> list[str]:
    right = WIDTH - RIGHT
    parts = []
    for percent in range(0, 101, 20):
        y = y_of(percent)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y + 4, f"{percent}%", "end"))
    for position, budget in enumerate(budgets):
        parts.append(text(x_of(position, len(budgets)), HEIGHT - BOTTOM + 18, str(budget)))
    middle = (LEFT + right) / 2
    parts.append(
        text(
            middle,
            HEIGHT - 6,
            "keys of 65, for each head of each image; accuracy on the test images",
        )
    )
    y = y_of(full)
    parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#888" stroke-width="1.5"/>')
    return parts


def line(
    means: list[float], ranges: list[tuple[float, float]], aside: float, colour: str, dash: str
) -> str:
    """Means joined; a bar from the least to the most of the seeds. All a little aside: bars that
    lie on each other hide each other."""
    points = [(x_of(i, len(means)) + aside, y_of(mean)) for i, mean in enumerate(means)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    bars = "".join(
        f"M{x:.1f} {y_of(low):.1f}V{y_of(high):.1f}"
        for (x, _), (low, high) in zip(points, ranges, strict=True)
    )
    return (
        f'<path d="{path}" stroke="{colour}" stroke-width="2"{dash}/>'
        f'<path d="{bars}" stroke="{colour}" stroke-width="1.2"/>'
    )


def draw(rows: list[dict]) -> str:
    budgets = sorted({row["budget"] for row in rows if row["choice"] != "every key"})
    everything = [100 * row["accuracy"] for row in rows if row["choice"] == "every key"]
    parts = axes(budgets, sum(everything) / len(everything))
    legend = [("every key, trained", "#888", "")]
    for mode, dash in DASHES.items():
        for choice, colour in COLOURS.items():
            values = [
                [
                    100 * row["accuracy"]
                    for row in rows
                    if (row["choice"], row["mode"], row["budget"]) == (choice, mode, budget)
                ]
                for budget in budgets
            ]
            if all(values):
                means = [sum(each) / len(each) for each in values]
                ranges = [(min(each), max(each)) for each in values]
                parts.append(line(means, ranges, 4 * len(legend) - 16, colour, dash))
                legend.append((f"{choice}, {mode}", colour, dash))
    for i, (words, colour, dash) in enumerate(legend):
        x, y = WIDTH - RIGHT + 14, TOP + 8 + 19 * i
        parts.append(f'<path d="M{x} {y}h22" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(text(x + 28, y + 4, words, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none" '
        'font-family="sans-serif" font-size="11">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        + "".join(p.replace("<text ", '<text fill="#222" ') for p in parts)
        + "</svg>\n"
    )


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    record = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(draw(record["rows"]))


if __name__ == "__main__":
    main()
