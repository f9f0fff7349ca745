#!/usr/bin/env python3
"""The smallest dimension that plants a sparse pattern, beside the bounds: what docs/experiments.md shows.

usage: bench/planted_study.py build/release/bin/heavykeys --out bench/results/planted.json --plot docs/planted-dim.svg
       bench/planted_study.py --from bench/results/planted.json --plot docs/planted-dim.svg

For each L and number k of non-zeros in a row and column, and each of ten seeds (five for L > 4096): `heavykeys plant
--smallest-dim --trials 1` on a random pattern of ratio 10, epsilon1 = 0.1, epsilon2 = 1/(100 L); the bound is for
failure 1%. Every (L, k) has seeds of its own: with the same ones the keys of a small L would be among those of a
greater. Fits of the mean r over the seeds: a + b log2 L and A L^p by least squares; and, what tells the two apart, both
fitted to L <= 2^11 only, predicting the last L. About 20 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import platform
import subprocess
from pathlib import Path

SIZES = {"interpolating": range(6, 15), "svd": range(6, 11)}  # log2 L: an SVD costs O(L^3)
NONZEROS = (1, 2, 4)
RATIO, HELD_OUT = 10, 11


def search(program: str, construction: str, size: int, k: int, seed: int) -> dict:
    command = ["nice", program, "plant", "--random", size, "--nonzeros", k, "--ratio", RATIO, "--construction",
               construction, "--smallest-dim", "--trials", 1, "--seed", seed, "--json"]  # fmt: skip
    return json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout)


def seeds_for(construction: str, size: int) -> int:
    if construction == "svd" and size > 256:
        return 3
    return 5 if size > 4096 else 10


def smallest(program: str, construction: str, size: int, k: int) -> dict:
    first = 1000 * size + 100 * k
    found = [search(program, construction, size, k, first + s) for s in range(seeds_for(construction, size))]
    dims = sorted(f["d"] for f in found)
    names = ("bound", "logit", "epsilon1", "epsilon2", "failure")
    row = {"construction": construction, "L": size, "k": k, "smallest": dims, "mean": sum(dims) / len(dims)}
    row |= {"exact": sum(f["exact"] for f in found)} | {name: found[0][name] for name in names}
    return row | {"seconds": round(sum(f["run"]["seconds"]["search"] for f in found), 2)}


def line_through(xs: list[float], ys: list[float]) -> tuple[float, float]:
    """(a, b) of the least-squares a + b x."""
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    b = sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)
    return my - b * mx, b


def determination(ys: list[float], predicted: list[float]) -> float:
    """R^2."""
    mean = sum(ys) / len(ys)
    return 1 - sum((y - p) ** 2 for y, p in zip(ys, predicted)) / sum((y - mean) ** 2 for y in ys)


def fit(points: list[tuple[int, float]]) -> dict:
    xs, ys = [math.log2(size) for size, _ in points], [float(r) for _, r in points]
    a, b = line_through(xs, ys)
    log_a, p = line_through(xs, [math.log(y) for y in ys])
    power = [math.exp(log_a + p * x) for x in xs]
    result = {"a": a, "b": b, "r2": determination(ys, [a + b * x for x in xs])}
    return result | {"power_A": math.exp(log_a), "power_p": p / math.log(2), "power_r2": determination(ys, power)}


def fits(rows: list[dict]) -> list[dict]:
    found = []
    for k in NONZEROS:
        points = [(r["L"], r["mean"]) for r in rows if (r["construction"], r["k"]) == ("interpolating", k)]
        early = fit([p for p in points if p[0] <= 1 << HELD_OUT])
        last, truth = points[-1]
        found.append({"k": k, **fit(points), "held_out_L": last, "held_out": truth,
                      "predicted_log": early["a"] + early["b"] * math.log2(last),
                      "predicted_power": early["power_A"] * last ** early["power_p"]})  # fmt: skip
    return found


def study(program: str) -> dict:
    rows = []
    for construction, exponents in SIZES.items():
        for k in NONZEROS:
            for exponent in exponents:
                rows.append(smallest(program, construction, 1 << exponent, k))
                print(rows[-1], flush=True)
    machine = f"{platform.machine()}, {platform.system()}"
    return {"date": datetime.date.today().isoformat(), "machine": machine, "ratio": RATIO,
            "rows": rows, "fits": fits(rows)}  # fmt: skip


# The drawing.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, MOST = 700, 380, 52, 210, 16, 44, 360
COLOURS = {1: "#1f6fb4", 2: "#c96a10", 4: "#3a8f3a"}


def x_of(size: int) -> float:
    return LEFT + 16 + (WIDTH - LEFT - RIGHT - 32) * (math.log2(size) - 6) / 8


def y_of(r: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - r / MOST)


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222">{words}</text>'


def path(points: list[tuple[float, float]], style: str) -> str:
    return '<path d="M' + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + f'" {style}/>'


def axes() -> list[str]:
    right = WIDTH - RIGHT
    parts = [text((LEFT + right) / 2, HEIGHT - 8, "L, tokens (a logarithmic axis)"), text(LEFT - 6, TOP + 2, "r", "end")]
    for r in range(0, MOST, 50):
        parts.append(f'<path d="M{LEFT} {y_of(r):.1f}H{right}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y_of(r) + 4, str(r), "end"))
    return parts + [text(x_of(1 << e), HEIGHT - BOTTOM + 18, str(1 << e)) for e in range(6, 15)]


def draw(record: dict) -> str:
    parts, legend = axes(), []
    for found in record["fits"]:
        k = found["k"]
        colour = COLOURS[k]
        rows = [r for r in record["rows"] if (r["construction"], r["k"]) == ("interpolating", k)]
        for r in rows:
            x = x_of(r["L"])
            ends = [(x, y_of(r["smallest"][0])), (x, y_of(r["smallest"][-1]))]
            parts.append(path(ends, f'stroke="{colour}" stroke-width="1.2"'))
            parts.append(f'<circle cx="{x:.1f}" cy="{y_of(r["mean"]):.1f}" r="3.5" fill="{colour}"/>')
        ends = [(x_of(1 << e), y_of(found["a"] + found["b"] * e)) for e in (6, 14)]
        parts.append(path(ends, f'stroke="{colour}" stroke-width="1.5"'))
        bound = [(x_of(r["L"]), y_of(r["bound"])) for r in rows]
        parts.append(path(bound, f'stroke="{colour}" stroke-width="1.5" stroke-dasharray="5 4"'))
        legend.append((f"k = {k}: {found['a']:.1f} + {found['b']:.1f} log2 L", f'stroke="{colour}"'))
    exact = [(x_of(size), y_of(size)) for size in range(64, 341, 12)]
    parts.append(path(exact, 'stroke="#888" stroke-width="1.5"'))
    legend += [("dots: mean; bars: range", 'stroke="none"'), ("dashed: proven enough", 'stroke="#222" stroke-dasharray="5 4"')]
    legend.append(("r = L: svd, for k = 2 and 4", 'stroke="#888"'))
    for i, (words, style) in enumerate(legend):
        x, y = WIDTH - RIGHT + 8, TOP + 12 + 20 * i
        parts.append(f'<path d="M{x} {y}h22" stroke-width="2" {style}/>' + text(x + 28, y + 4, words, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none" font-family="sans-serif" '
        f'font-size="11"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>' + "".join(parts) + "</svg>\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--from", dest="source", type=Path, help="take these results instead of measuring")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if (options.program is None) == (options.source is None):
        parser.error("either the command or --from is needed")
    record = json.loads(options.source.read_text()) if options.source else study(options.program)
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    if options.plot:
        options.plot.write_text(draw(record))


if __name__ == "__main__":
    main()
