#!/usr/bin/env python3
"""Draws what eigen_study.py found, as SVG, without any library.

bench/plot_eigen.py bench/results/eigen.json docs     # eigen-variance, eigen-overlap, eigen-rebuilt
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

LAYERS = ("#0b2f5b", "#1f6fb4", "#3a8f3a", "#b8a31c", "#c96a10", "#a3232b")
CHOICES = {"pivoted": "#1f6fb4", "random": "#c96a10", "strided": "#3a8f3a"}
DASHES = {"lmmse": "", "least-squares": ' stroke-dasharray="5 4"'}


def text(x: float, y: float, words: str, anchor: str = "middle", fill: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{words}</text>'


def svg(width: float, height: float, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" fill="none" '
        'font-family="sans-serif" font-size="11">'
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>' + "".join(parts) + "</svg>\n"
    )


@dataclass
class Panel:
    """Axes of a plot: x linear or logarithmic, y in percent from 0 to `top`."""

    left: float
    width: float
    low: float
    high: float
    top: float = 100.0
    logarithmic: bool = False
    upper: float = 26.0
    height: float = 250.0

    def x(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.left + self.width * (value - low) / (high - low)

    def y(self, percent: float) -> float:
        return self.upper + self.height * (1 - min(percent, self.top) / self.top)

    def axes(self, title: str, name: str, ticks: list[float], unit: str = "") -> list[str]:
        bottom, right = self.upper + self.height, self.left + self.width
        parts = [text(self.left + self.width / 2, self.upper - 10, title)]
        for percent in range(0, round(self.top) + 1, 20):
            y = self.y(percent)
            parts.append(f'<path d="M{self.left:.1f} {y:.1f}H{right:.1f}" stroke="#ddd"/>')
            parts.append(text(self.left - 6, y + 4, f"{percent}%", "end"))
        for tick in ticks:
            parts.append(f'<path d="M{self.x(tick):.1f} {bottom:.1f}v4" stroke="#888"/>')
            parts.append(text(self.x(tick), bottom + 17, f"{tick:g}{unit}"))
        parts.append(text(self.left + self.width / 2, bottom + 34, name))
        return parts

    def line(self, xs: list[float], percents: list[float], colour: str, dash: str = "") -> str:
        points = "L".join(
            f"{self.x(x):.1f} {self.y(p):.1f}" for x, p in zip(xs, percents, strict=True)
        )
        return f'<path d="M{points}" stroke="{colour}" stroke-width="1.8"{dash}/>'

    def dots(self, xs: list[float], percents: list[float], colour: str) -> str:
        return "".join(
            f'<circle cx="{self.x(x):.1f}" cy="{self.y(p):.1f}" r="2.8" fill="{colour}"/>'
            for x, p in zip(xs, percents, strict=True)
        )


def legend(x: float, y: float, entries: list[tuple[str, str, str]]) -> list[str]:
    parts = []
    for i, (words, colour, dash) in enumerate(entries):
        at = y + 17 * i
        parts.append(f'<path d="M{x} {at}h22" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(text(x + 28, at + 4, words, "start"))
    return parts


def variance(record: dict) -> str:
    """Curves of explained variance, and for whole matrices what is held of unseen text."""
    window = record["train"]["window"]
    rows = Panel(48, 300, 0, window)
    parts = rows.axes("rows of scores, all heads", "components", [0, 32, 64, 96, 128])
    for layer in record["rows"]["layers"]:
        shares = [100 * s for s in layer["scores"]["explained"]]
        xs = list(range(len(shares) + 1))
        parts.append(rows.line(xs, [0, *shares], LAYERS[layer["layer"]]))
    whole = Panel(410, 300, 1, 1024, logarithmic=True)
    parts += whole.axes(
        "whole matrices, all heads; dots: unseen text", "components", [1, 4, 16, 64, 256, 1024]
    )
    for layer in record["matrices"]["layers"]:
        colour = LAYERS[layer["layer"]]
        shares = [100 * s for s in layer["explained exact"]]
        parts.append(whole.line(list(range(1, len(shares) + 1)), shares, colour))
        parts.append(whole.dots(layer["sizes"], [100 * s for s in layer["held out"]], colour))
    entries = [(f"layer {i}", LAYERS[i], "") for i in range(record["train"]["layers"])]
    return svg(810, 320, parts + legend(726, 40, entries))


def heatmap(left: float, title: str, values: list[list[float]]) -> list[str]:
    size, upper = 42, 44
    n = len(values)
    parts = [text(left + n * size / 2, 18, title)]
    for a, row in enumerate(values):
        parts.append(text(left - 8, upper + size * (a + 0.5) + 4, str(a), "end"))
        parts.append(text(left + size * (a + 0.5), upper - 6, str(a)))
        for b, value in enumerate(row):
            red, green, blue = (round(255 + (dark - 255) * value) for dark in (16, 78, 139))
            parts.append(
                f'<rect x="{left + size * b:g}" y="{upper + size * a}" width="{size}" '
                f'height="{size}" fill="rgb({red},{green},{blue})"/>'
            )
            fill = "#fff" if value > 0.55 else "#222"
            parts.append(
                text(
                    left + size * (b + 0.5), upper + size * (a + 0.5) + 4, f"{value:.2f}", fill=fill
                )
            )
    return parts


def overlap(record: dict) -> str:
    rows, whole = record["rows"]["overlaps"], record["matrices"]["overlaps"]
    parts = heatmap(30, "rows: overlap, 10 components", rows["overlap few"])
    parts += heatmap(330, "whole matrices: overlap, 10", whole["overlap few"])
    parts += heatmap(630, f"whole matrices: overlap, {whole['many']}", whole["overlap many"])
    return svg(900, 320, [*parts, text(30, 312, "rows and columns: layers", "start")])


def mean_over(found: list[dict], choice: str, way: str, name: str) -> list[float] | None:
    """Of each share, in percent."""
    lists = [f[choice][way] for f in found]
    if len({len(each) for each in lists}) > 1 or not lists[0]:
        return None
    return [100 * statistics.mean(e[i][name] for e in lists) for i in range(len(lists[0]))]


def rebuilt_panel(panel: Panel, found: list[dict], xs: list[float], name: str) -> list[str]:
    parts = []
    for choice, colour in CHOICES.items():
        for way, dash in DASHES.items():
            percents = mean_over(found, choice, way, name)
            if percents:
                parts.append(panel.line(xs, percents, colour, dash))
    if name == "error":
        return parts
    percents = mean_over(found, "strided", "restricted", name)
    if percents:
        parts.append(panel.line(xs, percents, "#8a8a8a"))
    best = [100 * statistics.mean(f["best keys"][i][name] for f in found) for i in range(len(xs))]
    parts.append(panel.line(xs, best, "#222", ' stroke-dasharray="2 3"'))
    nothing = 100 * statistics.mean(f["mean scores"][name] for f in found)
    return [*parts, panel.dots([0], [nothing], "#222")]


def rebuilt(record: dict) -> str:
    """Errors of scores and of attention outputs by the share of the scores that is computed."""
    heads = [h for layer in record["rebuilt rows"]["layers"] for h in layer["heads"]]
    matrices = record["rebuilt matrices"]["layers"]
    parts = []
    for i, (title, found, name, kind) in enumerate(
        (
            ("rows: scores", heads, "error", "rows"),
            ("rows: attention output", heads, "output", "rows"),
            ("whole matrices: scores", matrices, "error", "matrices"),
            ("whole matrices: output", matrices, "output", "matrices"),
        )
    ):
        top = 100 if name == "error" else 140
        panel = Panel(48 + 234 * i, 186, 0, 80 if kind == "rows" else 60, top)
        parts += panel.axes(title, "scores computed", [0, 20, 40, 60], "%")
        xs = [100 * share for share in record["shares"][kind]]
        parts += rebuilt_panel(panel, found, xs, name)
    entries = [
        (f"{choice}, {way.replace('-', ' ')}", colour, dash)
        for choice, colour in CHOICES.items()
        for way, dash in DASHES.items()
    ]
    entries += [
        ("only these keys, strided", "#8a8a8a", ""),
        ("only each query's best keys", "#222", ' stroke-dasharray="2 3"'),
    ]
    parts += [*legend(982, 40, entries)]
    parts += [
        '<circle cx="993" cy="176" r="2.8" fill="#222"/>',
        text(1010, 180, "mean scores, nothing computed", "start"),
    ]
    return svg(1190, 320, parts)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    record = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    for name, draw in (("variance", variance), ("overlap", overlap), ("rebuilt", rebuilt)):
        (folder / f"eigen-{name}.svg").write_text(draw(record))


if __name__ == "__main__":
    main()
