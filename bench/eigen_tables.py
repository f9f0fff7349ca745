#!/usr/bin/env python3
"""Prints what eigen_study.py found as the Markdown tables of docs/experiments.md.

bench/eigen_tables.py bench/results/eigen.json
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

WAYS = ("lmmse", "least-squares")
CHOICES = ("pivoted", "random", "strided")


def table(head: list[str], rows: list[list[str]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def spread(values: list[float], digits: int = 2) -> str:
    """mean (least - most)"""
    mean = statistics.mean(values)
    return f"{mean:.{digits}f} ({min(values):.{digits}f} – {max(values):.{digits}f})"


def range_of(values: list[int]) -> str:
    return f"{min(values)} – {statistics.median(values):g} – {max(values)}"


def four(values: list[float]) -> str:
    return " · ".join(f"{v:g}" for v in values)


def of_rows(record: dict) -> None:
    print("## components of rows\n")
    rows = []
    for layer in record["layers"]:
        scores = layer["scores"]
        rows.append(
            [
                str(layer["layer"]),
                four(scores["layer"]),
                range_of([head[1] for head in scores["heads"]]),
                four(layer["row means removed"]["layer"]),
                four(layer["one position"]),
                four(layer["one window"]),
                four(layer["after softmax"]["layer"]),
                f"{layer['held out'][1]:.2f}",
                f"{layer['between heads']:.2f}",
                f"{max(layer['head variances']) / sum(layer['head variances']):.2f}",
            ]
        )
    table(
        [
            "layer",
            "all heads",
            "one head, 90%",
            "row means removed",
            "one query position",
            "one window",
            "after softmax",
            "held out",
            "between heads",
            "greatest head",
        ],
        rows,
    )
    heads = [head[1] for layer in record["layers"] for head in layer["scores"]["heads"]]
    print("90% over all heads, least - median - most:", range_of(heads), "\n")


def of_matrices(record: dict) -> None:
    print("## components of whole matrices\n")
    columns = record["sketch_columns"]
    rows = []
    for layer in record["layers"]:
        sketched = [str(c) if c else f"> {columns}" for c in layer["sketched"]]
        rows.append(
            [
                str(layer["layer"]),
                " · ".join(sketched),
                four(layer["exact"]),
                f"{layer['between heads']:.2f}",
                range_of([head[1] for head in layer["heads exact"]]),
                *(
                    f"{held:.2f} ({layer['explained exact'][r - 1]:.2f})"
                    for held, r in zip(layer["held out"], layer["sizes"])
                ),
            ]
        )
    sizes = record["layers"][0]["sizes"]
    table(
        [
            "layer",
            f"sketch of {columns}",
            "exact",
            "between heads",
            "one head, 90%",
            *(f"first {r}" for r in sizes),
        ],
        rows,
    )


def of_overlaps(rows: dict, matrices: dict) -> None:
    n = len(rows["overlap few"])
    for name in ("overlap few", "captured few", "overlap many", "captured many"):
        counts = [record[name.split()[1]] for record in (rows, matrices)]
        print(f"## {name}, rows - matrices, r = {counts}\n")
        cells = [
            [f"{rows[name][a][b]:.2f} · {matrices[name][a][b]:.2f}" for b in range(n)]
            for a in range(n)
        ]
        table(["layer", *(str(b) for b in range(n))], [[str(a), *c] for a, c in enumerate(cells)])


def of_heads(record: dict) -> None:
    print("## overlaps between heads, 10 components\n")
    text = [f"{m:.2f} ({a:.2f} – {b:.2f})" for a, m, b in [*record["within"], record["across"]]]
    n = len(record["within"])
    table([*(f"layer {i}" for i in range(n)), "different layers"], [text])


def of_nothing(found: list[dict], means: list[dict]) -> None:
    print("## nothing computed\n")
    rows = []
    for name, each in (
        ("mean row of the head", [f["mean scores"] for f in found]),
        ("mean matrix of the head", means),
    ):
        error = spread([m["error"] for m in each]) if "error" in each[0] else "1 for Genesis"
        rows.append(
            [name, error] + [spread([m[k] for m in each]) for k in ("output", "weights", "top")]
        )
    table(["nothing computed: scores are the", "error", "output", "weights", "same key"], rows)


def of_rebuilt(
    title: str, found: list[dict], means: list[float], shares: tuple[float, ...]
) -> None:
    """found: for each head (or layer) what eigen_rebuild.all_ways gives; means: errors of the
    heads' mean matrices."""
    wanted = (0.1, 0.25, 0.5)
    percent = [f"{share:.0%}" for share in wanted]

    def cell(choice: str, way: str, name: str, share: float, digits: int = 2) -> str:
        ways = [f[choice][way] for f in found]
        if not all(len(w) == len(shares) for w in ways):
            return "–"
        return spread([w[shares.index(share)][name] for w in ways], digits)

    print(f"## {title}: error of the scores\n")
    rows = []
    for choice in CHOICES:
        for way in WAYS:
            predicted = [
                statistics.mean(f[choice][way][shares.index(s)]["predicted"] for f in found)
                for s in wanted
            ]
            rows.append(
                [choice, way.replace("-", "_")]
                + [cell(choice, way, "error", s) for s in wanted]
                + [" · ".join(f"{p:.2f}" for p in predicted)]
            )
    # Of scores that are computed whichever they are, their share of the error is gone.
    known = [spread([(1 - s) * error for error in means]) for s in wanted]
    rows.append(["any", "mean matrix of the head", *known, ""])
    table(["choice", "estimator", *percent, "predicted"], rows)
    print(f"## {title}: attention\n")
    quarter = shares.index(0.25)

    def others(each: list[dict]) -> list[str]:
        return [f"{statistics.mean(e[name] for e in each):.2f}" for name in ("weights", "top")]

    rows = []
    for choice in CHOICES:
        for way in (*WAYS, "restricted"):
            found_so = [f[choice][way] for f in found]
            if not all(len(each) == len(shares) for each in found_so):
                continue
            rows.append(
                [choice, "only these keys" if way == "restricted" else way.replace("-", "_")]
                + [cell(choice, way, "output", s) for s in wanted]
                + others([each[quarter] for each in found_so])
            )
    best = [spread([f["best keys"][shares.index(s)]["output"] for f in found]) for s in wanted]
    rows.append(
        ["best of each query", "only these keys", *best]
        + others([f["best keys"][quarter] for f in found])
    )
    table(["choice", "estimator", *percent, "weights, 25%", "same key, 25%"], rows)


def of_head_matrices(record: dict) -> None:
    print("## matrices of each head\n")
    rows = []
    for layer in [*record["layers"], None]:
        each = [layer] if layer else record["layers"]
        heads = [head for one in each for head in one["heads"]]
        cells = [
            [spread([head["random"][i][name] for head in heads]) for i in range(3)]
            for name in ("error", "output")
        ]
        strided = [statistics.mean(head["strided"][i]["error"] for head in heads) for i in range(3)]
        predicted = [
            statistics.mean(head["random"][i]["predicted"] for head in heads) for i in range(3)
        ]
        others = [" · ".join(f"{v:.2f}" for v in each) for each in (predicted, strided)]
        rows.append([str(layer["layer"]) if layer else "all", *cells[0], *others, *cells[1]])
    percent = ["10%", "25%", "50%"]
    head = [f"error, {p}" for p in percent] + ["predicted", "strided"]
    table(["layer", *head, *(f"output, {p}" for p in percent)], rows)


def of_layers(record: dict, matrices: dict, shares: tuple[float, ...]) -> None:
    print("## by layer\n")
    rows = []
    for layer, whole in zip(record["layers"], matrices["layers"], strict=True):
        at = [shares.index(s) for s in (0.1, 0.25, 0.5)]

        def mean(name: str, i: int, layer: dict = layer) -> float:
            return statistics.mean(h["pivoted"]["lmmse"][i][name] for h in layer["heads"])

        rows.append(
            [
                str(layer["layer"]),
                " · ".join(f"{mean('error', i):.2f}" for i in at),
                " · ".join(f"{mean('predicted', i):.2f}" for i in at),
                f"{statistics.mean(found for _, found in layer['same text']):.2f} "
                f"({statistics.mean(said for said, _ in layer['same text']):.2f})",
                " · ".join(f"{layer['pooled']['pivoted']['lmmse'][i]:.2f}" for i in at),
                " · ".join(f"{mean('output', i):.2f}" for i in at),
                " · ".join(f"{found['error']:.2f}" for found in whole["pivoted"]["lmmse"]),
                " · ".join(f"{found['output']:.2f}" for found in whole["pivoted"]["lmmse"]),
            ]
        )
    table(
        [
            "layer",
            "rows: error",
            "predicted",
            "same text",
            "one fit",
            "output",
            "matrices: error",
            "output",
        ],
        rows,
    )
    print("## ridges, 25% pivoted: mean over heads\n")
    heads = [h for layer in record["layers"] for h in layer["heads"]]
    rows = [
        [way.replace("-", "_")]
        + [
            f"{statistics.mean(h['ridges'][way][i] for h in heads):.3f}"
            for i in range(len(heads[0]["ridges"][way]))
        ]
        for way in WAYS
    ]
    table(["estimator", "0", "1e-6", "1e-3", "1e-2", "1e-1", "1"], rows)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    record = json.loads(Path(sys.argv[1]).read_text())
    of_rows(record["rows"])
    of_matrices(record["matrices"])
    of_overlaps(record["rows"]["overlaps"], record["matrices"]["overlaps"])
    of_heads(record["rows"]["heads"])
    rebuilt = record["rebuilt rows"]
    row_shares = tuple(record["shares"]["rows"])
    heads = [head for layer in rebuilt["layers"] for head in layer["heads"]]
    layers = record["head means"]["layers"]
    means = [head for layer in layers for head in layer["heads"]]
    of_rebuilt("rows", heads, [m["error"] for m in means], row_shares)
    of_nothing(heads, means)
    of_layers(rebuilt, record["rebuilt matrices"], row_shares)
    of_head_matrices(record["head matrices"])
    whole = record["rebuilt matrices"]["layers"]
    matrix_shares = tuple(record["shares"]["matrices"])
    of_rebuilt("matrices", whole, [layer["matrices"] for layer in layers], matrix_shares)
    print(json.dumps(record["checks"]))


if __name__ == "__main__":
    main()
