#!/usr/bin/env python3
"""A model of allmerge to 10,000 ranks: what docs/distributed.md says, and its plot.

usage: scripts/model_distributed.py [--study bench/results/distributed.json] [--svg docs/distributed-model.svg]

Reads what bench/distributed_study.py measured, takes the network from the constants below, prints tables in
Markdown and writes the plot. Plain Python.

    T(P) = t0 + t_row n/P                    absorb; t0: the start of a sketch, whose filter is made anew often
         + t_merge + t_directory P           the rank's own work in allmerge, and the directory of P ranks
         + S ceil(log2 P) a                  S small reductions
         + 2 L(P) a + 2 b m + g m            the Gram matrix of m bytes: both halves of a reduction
         + G ceil(log2 P) a + 8 b G P        sizes of the parts in G gathers
         + R L(P) a + b (what comes in)      their contents, in R rounds
         + t_finalize                        on one rank, or on all alike

    a: seconds a message, b: seconds a byte, g: seconds to add a byte of wide integers,
    L(P) = ceil(log2 P) where MPI takes trees, P - 1 where it takes rings; the plot shows both.
"""
import argparse
import json
import math
import pathlib

ALPHA = 2e-6  # s a message: MPI between nodes, a few switches on the way
BETA = 1 / 12.5e9  # s a byte: half of 25 GB/s, the rate of HDR InfiniBand (NDR: 50 GB/s)
GAMMA = 1 / 4e9  # s a byte: one core adding 128-bit integers
BLOCK = 4096
RANKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
CURVES = [(1e9, 64), (1e9, 128), (1e11, 64), (1e11, 128)]
MERGE_RANKS = 8  # the study's runs that t_row, t0 and t_merge are taken from


def fit(records):
    """t0 and t_row by least squares over (rows a rank, processor seconds): of a run, the median rank's."""
    points = [(r["rows"] / r["ranks"], r["absorb_cpu"]["median"]) for r in records]
    n = len(points)
    # Weighted by 1/seconds^2, so that small runs, which show t0, count as much as large ones.
    w = [1 / y**2 for _, y in points]
    sw, sx, sy = sum(w), sum(a * x for a, (x, _) in zip(w, points)), sum(a * y for a, (_, y) in zip(w, points))
    sxx, sxy = (sum(a * x * x for a, (x, _) in zip(w, points)), sum(a * x * y for a, (x, y) in zip(w, points)))
    t_row = (sw * sxy - sx * sy) / (sw * sxx - sx * sx)
    assert n > 2 and t_row > 0
    return max(0.0, (sy - t_row * sx) / sw), t_row


class Model:
    def __init__(self, study, dim):
        records = study[f"x^2, d={dim}"]["records"]
        self.dim = dim
        self.t0, self.t_row = fit(records)
        merged = [r for r in records if r["ranks"] == MERGE_RANKS]
        self.t_merge = min(r["merge_compute_cpu"]["median"] for r in merged)
        self.t_finalize = min(r["finalize_cpu"]["median"] for r in merged)
        last = study["directory"][-1]
        self.t_directory = last["cpu_seconds"] / last["ranks"]
        words = merged[0]["words"]
        self.gram_bytes = 8 * words["gram"]["in"]
        self.candidate_bytes = 8 * words["candidates"]["in"]
        self.open_bytes = BLOCK * dim * 4  # a whole block, float32: the most that one tail leaves
        self.reductions = 13  # all_max and all_sum of a word or of the exponents

    def parts(self, rows, ranks):
        log = math.ceil(math.log2(ranks)) if ranks > 1 else 0
        parts = {"absorb": self.t0 + self.t_row * rows / ranks, "finalize": self.t_finalize}
        if ranks == 1:
            return parts
        parts["merge"] = self.t_merge
        parts["directory, work"] = self.t_directory * ranks
        parts["directory, bytes"] = BETA * 8 * 12 * ranks
        parts["borders"] = 2 * ALPHA + BETA * BLOCK * self.dim * 4
        rounds = 3  # directory, candidates (an onion: each layer), open blocks
        for name, steps in ("tree", log), ("ring", ranks - 1):
            small = (self.reductions + 3) * log * ALPHA + 3 * 8 * BETA * ranks
            gram = 2 * steps * ALPHA + (2 * BETA + GAMMA) * self.gram_bytes
            gathers = rounds * steps * ALPHA + BETA * (self.candidate_bytes + self.open_bytes)
            parts["collectives, " + name] = small + gram + gathers
        return parts

    def seconds(self, rows, ranks, shape):
        other = {"tree": "ring", "ring": "tree"}[shape]
        return sum(t for name, t in self.parts(rows, ranks).items() if name != "collectives, " + other)

    def efficiency(self, rows, ranks, shape):
        return self.seconds(rows, 1, shape) / ranks / self.seconds(rows, ranks, shape)


def tables(models):
    print("| | d = 64 | d = 128 |\n| --- | --- | --- |")
    for name, text, scale in (
        ("t_row", "t_row, ns", 1e9), ("t0", "t0, ms", 1e3), ("t_merge", "t_merge, ms", 1e3),
        ("t_finalize", "t_finalize, ms", 1e3), ("t_directory", "t_directory, µs a rank", 1e6),
    ):
        print(f"| {text} | " + " | ".join(f"{getattr(m, name) * scale:.3g}" for m in models.values()) + " |")
    print("\n| n | d | ranks | absorb | own work after it | collectives, tree (ring) | all, tree (ring) | efficiency, tree (ring) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rows, dim in CURVES:
        for ranks in (100, 1000, 10000):
            m = models[dim]
            p = m.parts(rows, ranks)
            own = p["merge"] + p["directory, work"] + p["finalize"]
            wire = p["borders"] + p["directory, bytes"]
            tree, ring = wire + p["collectives, tree"], wire + p["collectives, ring"]
            print(f"| 10^{math.log10(rows):.0f} | {dim} | {ranks:,} | {ms(p['absorb'])} | {ms(own)} | {ms(tree)} ({ms(ring)}) | "
                  f"{ms(m.seconds(rows, ranks, 'tree'))} ({ms(m.seconds(rows, ranks, 'ring'))}) | "
                  f"{m.efficiency(rows, ranks, 'tree'):.2f} ({m.efficiency(rows, ranks, 'ring'):.2f}) |")


def ms(seconds):
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


STYLE = """<style>
text { font: 13px sans-serif; fill: #333 } .grid { stroke: #8884 } .axis { stroke: #888 }
.c0 { stroke: #1b6ac9 } .c1 { stroke: #c2501c } .c2 { stroke: #2a8a57 } .c3 { stroke: #8b46b5 }
path { fill: none; stroke-width: 2 } .ring { stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) { text { fill: #ddd }
.c0 { stroke: #6fb1ff } .c1 { stroke: #ff9a66 } .c2 { stroke: #6fd6a0 } .c3 { stroke: #d09cf5 } }
</style>"""


def plot(models):
    left, top, width, height = 60, 20, 520, 280
    x = lambda ranks: left + width * math.log10(ranks) / 4
    y = lambda efficiency: top + height * (1 - efficiency)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 360" role="img" '
           'aria-label="Predicted efficiency of absorb and allmerge against the number of ranks">', STYLE]
    for e in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<path class="grid" d="M{left} {y(e):.1f}h{width}"/><text x="{left - 8}" y="{y(e) + 4:.1f}" text-anchor="end">{e:g}</text>')
    for decade in range(5):
        ranks = 10**decade
        out.append(f'<path class="grid" d="M{x(ranks):.1f} {top}v{height}"/>'
                   f'<text x="{x(ranks):.1f}" y="{top + height + 20}" text-anchor="middle">{ranks:,}</text>')
    out.append(f'<text x="{left + width / 2}" y="{top + height + 42}" text-anchor="middle">ranks, one core each</text>')
    for i, (rows, dim) in enumerate(CURVES):
        for shape in "tree", "ring":
            points = [(x(p), y(models[dim].efficiency(rows, p, shape))) for p in RANKS]
            out.append(f'<path class="c{i} {shape}" d="M' + "L".join(f"{a:.1f} {b:.1f}" for a, b in points) + '"/>')
        at = top + 30 + 24 * i
        out.append(f'<path class="c{i}" d="M600 {at}h28"/><text x="636" y="{at + 4}">n = 10'
                   f'<tspan dy="-5" font-size="10">{math.log10(rows):.0f}</tspan><tspan dy="5">, d = {dim}</tspan></text>')
    for i, (shape, text) in enumerate((("tree", "trees"), ("ring", "rings"))):
        at = top + 150 + 24 * i
        out.append(f'<path class="axis {shape}" d="M600 {at}h28"/><text x="636" y="{at + 4}">MPI takes {text}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=pathlib.Path, default=root / "bench/results/distributed.json")
    parser.add_argument("--svg", type=pathlib.Path, default=root / "docs/distributed-model.svg")
    options = parser.parse_args()
    study = json.loads(options.study.read_text())
    models = {dim: Model(study, dim) for dim in (64, 128)}
    tables(models)
    options.svg.write_text(plot(models))


if __name__ == "__main__":
    main()
