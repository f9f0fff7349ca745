#!/usr/bin/env python3
"""Draws the figures of scripts/bench, as SVG, without any library.

bench/plot_performance.py bench/results/performance.json bench/results/performance_by_dim.json docs

performance-ratios.svg: every line of the closing table beside its rival and its limit.
performance-dim.svg: absorb by the dimension of the keys, beside ssyrk and both limits.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

OURS, RIVAL, MEMORY, ARITHMETIC = "#1f6fb4", "#c96a10", "#3a8f3a", "#8a8a8a"


def text(x: float, y: float, words: str, anchor: str = "middle", fill: str = "#222") -> str:
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{words}</text>'


def svg(width: float, height: float, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" fill="none" '
        'font-family="sans-serif" font-size="11">'
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>' + "".join(parts) + "</svg>\n"
    )


class Scale:
    """A logarithmic axis from `low` to `high` over `length` units from `start`; negative lengths go up."""

    def __init__(self, start: float, length: float, low: float, high: float) -> None:
        self.start, self.length, self.low, self.high = start, length, math.log10(low), math.log10(high)

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + self.length * min(max(share, 0.0), 1.0)

    def decades(self) -> list[float]:
        return [10.0**e for e in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)]


def label(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:.5f}".rstrip("0")


def column(scale: Scale, title: str, top: float, bottom: float) -> list[str]:
    parts = [text(scale.start + scale.length / 2, top - 22, title)]
    for value in scale.decades():
        x = scale(value)
        stroke = "#222" if value == 1 else "#ddd"
        parts.append(f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{stroke}"/>')
        parts.append(text(x, top - 6, label(value)))
    return parts


def ratios(record: dict) -> str:
    """A line for each task: how many times faster than the rival, and which share of its limit."""
    rows, top, step = record["rows"], 44.0, 19.0
    bottom = top + step * len(rows)
    beside = Scale(575, 300, 0.001, 10_000)
    share = Scale(925, 220, 0.001, 1)
    parts = column(beside, "times faster than the rival (left of 1: slower)", top, bottom)
    parts += column(share, "share of the limit", top, bottom)
    for i, row in enumerate(rows):
        y = top + step * (i + 0.5)
        parts.append(text(306, y + 4, row["what"], "end"))
        rival = row["rival"].split(", chunk")[0].replace(", scaled from", ", from")
        parts.append(text(316, y + 4, rival, "start", "#777"))
        ratio = row["ratio"]
        colour = OURS if ratio["median"] >= 1 else RIVAL
        least, most = beside(min(ratio["min"], ratio["median"])), beside(max(ratio["max"], ratio["median"]))
        parts.append(f'<path d="M{beside(1):.1f} {y:.1f}H{beside(ratio["median"]):.1f}" stroke="{colour}" stroke-width="7"/>')
        parts.append(f'<path d="M{least:.1f} {y:.1f}H{most:.1f}" stroke="#222"/>')
        if row["of_limit"] is None:
            continue
        colour = MEMORY if "multiply" not in row["limit"] else ARITHMETIC
        parts.append(f'<path d="M{share.start} {y:.1f}H{share(row["of_limit"]):.1f}" stroke="{colour}" stroke-width="7"/>')
    y = bottom + 20
    for x, colour, words in (
        (575, OURS, "faster"),
        (635, RIVAL, "slower; thin: least to most"),
        (925, MEMORY, "of memory or a copy"),
        (1065, ARITHMETIC, "of multiply-adds"),
    ):
        parts.append(f'<path d="M{x} {y - 4}h14" stroke="{colour}" stroke-width="7"/>')
        parts.append(text(x + 19, y, words, "start"))
    return svg(1180, bottom + 32, parts)


def by_dim(record: dict) -> dict[str, list[tuple[int, float]]]:
    """Nanoseconds a row of each contender, and of the multiply-adds d (d + 1) / 2 in float64, by d."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for name, document in record["documents"].items():
        if document.get("benchmark") != "absorb":
            continue
        case, isa = document["case"], document["heavykeys"]["isa"]
        d, rows = case["dim"], case["rows"]
        for result in document["results"]:
            who = "read" if result["name"].startswith("read") else "ssyrk" if "shared" in result["name"] else None
            if result["name"].startswith("heavykeys"):
                who = isa
            if who is None or (who in ("read", "ssyrk") and not name.endswith("avx512")):
                continue
            curves.setdefault(who, []).append((d, result["seconds"]["median"] / rows * 1e9))
        if name.endswith("avx512"):
            rate = document["peaks"]["float64"]["gmultiplyadds_per_s"]["max"]
            curves.setdefault("multiply-adds", []).append((d, d * (d + 1) / 2 / rate))
    return {who: sorted(points) for who, points in curves.items()}


NAMES = {
    "avx2": ("absorb, AVX2", OURS, ' stroke-dasharray="5 4"'),
    "avx512": ("absorb, AVX-512", OURS, ""),
    "ssyrk": ("ssyrk, float32, rows shared by us", RIVAL, ""),
    "multiply-adds": ("limit: d(d+1)/2 multiply-adds, float64", ARITHMETIC, ""),
    "read": ("limit: reading the keys", MEMORY, ""),
}


def dimension(record: dict) -> str:
    curves = by_dim(record)
    dims = sorted({d for points in curves.values() for d, _ in points})
    x, y = Scale(60, 400, dims[0], dims[-1]), Scale(300, -270, 0.5, 5000)
    parts = [text(260, 16, "absorb, float32, 2 threads: nanoseconds a row")]
    for value in y.decades():
        parts.append(f'<path d="M60 {y(value):.1f}H460" stroke="#ddd"/>')
        parts.append(text(54, y(value) + 4, label(value), "end"))
    for d in dims:
        parts.append(f'<path d="M{x(d):.1f} 300v4" stroke="#888"/>')
        parts.append(text(x(d), 317, str(d)))
    parts.append(text(260, 334, "d"))
    for i, (who, (words, colour, dash)) in enumerate(NAMES.items()):
        points = curves.get(who, [])
        if not points:
            continue
        path = "L".join(f"{x(d):.1f} {y(ns):.1f}" for d, ns in points)
        parts.append(f'<path d="M{path}" stroke="{colour}" stroke-width="1.8"{dash}/>')
        parts += [f'<circle cx="{x(d):.1f}" cy="{y(ns):.1f}" r="2.8" fill="{colour}"/>' for d, ns in points]
        parts.append(f'<path d="M480 {60 + 19 * i}h22" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(text(508, 64 + 19 * i, words, "start"))
    return svg(740, 346, parts)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    record, dims = (json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:3])
    folder = Path(sys.argv[3])
    (folder / "performance-ratios.svg").write_text(ratios(record), encoding="utf-8")
    (folder / "performance-dim.svg").write_text(dimension(dims), encoding="utf-8")


if __name__ == "__main__":
    main()
