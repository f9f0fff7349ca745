#!/usr/bin/env python3
"""One table over the benchmarks' JSON: us, the rival, the limit, and both ratios. scripts/bench ends with it.

  bench/closing_table.py [--json performance.json] build/bench/results/absorb.json ...

With --json all of it goes into one file: the lines of the table, and the documents they come from.

Times are medians. "rival / us" is how many times faster we are, with its least and greatest over the rounds (below 1:
slower). "limit / us" is the share of the limit that is reached: 1.00 is as fast as this machine can do what the limit
names. Rivals, and limits of memory, were measured in turn with us in one process. Limits of arithmetic, and those of
the Python programs, are the multiply-adds (or the bytes) that the task cannot do without, at the rates in limits.json
of the same run of scripts/bench.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ORDER = ("absorb", "absorb_bf16", "heads", "append", "finalize", "merge", "heavy_entries", "heavy_entries_64k",
         "heavy_entries_large", "scan")

HEAD = ("task", "us", "rival", "rival's", "rival / us", "limit", "limit's", "limit / us")


def peak(documents: dict[str, dict], kind: str, threads: int) -> float | None:
    """Multiply-adds a second of this many threads."""
    for peaks in documents.get("limits", {}).get("peaks", []):
        if peaks["threads"] == threads and kind in peaks:
            return peaks[kind]["gmultiplyadds_per_s"]["max"] * 1e9
    return None


def bandwidth(documents: dict[str, dict], threads: int) -> float | None:
    """Bytes a second that this many threads read."""
    for line in documents.get("limits", {}).get("results", []):
        if line["name"] == f"read, threads: {threads}":
            return line["gb_per_s"]["median"] * 1e9
    return None


def limit_of(row: dict, documents: dict[str, dict]) -> tuple[str, float | None]:
    """Its name and seconds; of multiply-adds and bytes, where a line has both, the one that takes longer."""
    if "limit_seconds" in row:
        return row["limit"], row["limit_seconds"]
    limits = []
    work = row["limit_multiply_adds"]
    rate = peak(documents, work["kind"], work["threads"])
    limits.append((work["count"] / rate if rate else None, f"multiply-adds, {work['kind']}"))
    if "limit_bytes" in row:
        speed = bandwidth(documents, row["limit_bytes"]["threads"])
        limits.append((row["limit_bytes"]["count"] / speed if speed else None, "reading once"))
    seconds, name = max(limits, key=lambda limit: limit[0] or 0.0)
    return name, seconds


def time_of(seconds: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            break
    return f"{seconds / unit:.3g} {name}" if seconds / unit < 1000 else f"{seconds / unit:.0f} {name}"


def digits(value: float) -> str:
    """Three of them, and never an exponent."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 1000 else f"{value:.3g}"


def line_of(row: dict) -> tuple[str, ...]:
    ours, limit, ratio = row["seconds"]["median"], row["limit_seconds"], row["ratio"]
    return (
        row["what"],
        time_of(ours),
        row["rival"],
        time_of(row["rival_seconds"]["median"]),
        f"{digits(ratio['median'])} ({digits(ratio['min'])} to {digits(ratio['max'])})",
        row["limit"],
        "?" if limit is None else time_of(limit),
        "?" if limit is None else f"{row['of_limit']:.2g}",
    )


def notes(documents: dict[str, dict]) -> list[str]:
    found = []
    for name, document in documents.items():
        busy = document.get("processors_busy_with_others", 0)
        if busy > 0.1:
            found.append(f"{name}: other processes kept {busy:.2f} processors busy: do not quote its lines")
        core = document.get("openblas", {}).get("corename", "")
        if core == "Haswell" and "avx512f" in document["machine"]["isa"]:
            found.append(f"{name}: OpenBLAS ran its Haswell kernels on a processor with AVX-512 (OPENBLAS_CORETYPE is set)")
    return found


def rows_of(documents: dict[str, dict]) -> list[dict]:
    rows = []
    for name in sorted(documents, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n)):
        document = documents[name]
        for row in document.get("closing", []):
            limit, seconds = limit_of(row, documents)
            of_limit = None if seconds is None else seconds / row["seconds"]["median"]
            rows.append({**row, "benchmark": name, "limit": limit, "limit_seconds": seconds, "of_limit": of_limit})
    return rows


def show(table: list[tuple[str, ...]], markdown: bool) -> None:
    if markdown:
        for line in (table[0], ("---",) * len(HEAD), *table[1:]):
            print(f"| {' | '.join(line)} |")
        return
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="JSON of the benchmarks")
    parser.add_argument("--json", type=Path, help="also write everything here")
    parser.add_argument("--markdown", action="store_true", help="the table as docs/performance.md has it")
    args = parser.parse_args()
    documents = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in args.files}
    rows = rows_of(documents)
    table = [HEAD, *(line_of(row) for row in rows)]
    show(table, args.markdown)
    for note in notes(documents):
        print(f"  {note}")
    if args.json:
        text = json.dumps({"rows": rows, "documents": documents}, indent=1)
        args.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
