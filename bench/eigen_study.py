#!/usr/bin/env python3
"""Eigen analysis of captured attention scores, and their reconstruction from some of them.

bench/eigen_study.py --train genesis-128 --test exodus-128 --out bench/results/eigen.json

Both are folders of scripts/capture_attention. Components and reconstructors are fitted to the
first; what is said of unseen text is measured on the second. bench/eigen_tables.py prints the
tables of docs/experiments.md, bench/plot_eigen.py draws its plots.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a layer is a task; tasks run side by side

import eigen_check
import eigen_matrices
import eigen_rebuild
import eigen_spectra
from eigen_data import Capture

import heavykeys


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def study_rows(args: argparse.Namespace, train: Capture, test: Capture) -> dict[str, object]:
    layers = range(train.layers)
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(
            pool.map(
                eigen_spectra.layer_rows, [train] * train.layers, [test] * train.layers, layers
            )
        )
    components = [layer.pop("components") for layer in found]
    pooled = [each[0] for each in components]
    many = max(layer["scores"]["layer"][1] for layer in found)  # 90% of the variance in all of them
    return {
        "samples of a layer": train.windows * train.heads * train.window,
        "layers": found,
        "overlaps": eigen_spectra.overlaps(pooled, many),
        "heads": eigen_spectra.head_overlaps([each[1] for each in components]),
    }


def study_matrices(args: argparse.Namespace, train: Capture, test: Capture) -> dict[str, object]:
    n = train.layers
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(
            pool.map(
                eigen_matrices.layer_matrices,
                [train] * n,
                [test] * n,
                range(n),
                [args.sketch_columns] * n,
                [args.scratch] * n,
            )
        )
    layers = [eigen_matrices.kept(args.scratch, layer) for layer in range(n)]
    return {
        "sketch_columns": args.sketch_columns,
        "layers": found,
        "overlaps": eigen_spectra.overlaps(layers, min(100, args.sketch_columns)),
    }


def study_rebuilt_rows(
    args: argparse.Namespace, train: Capture, test: Capture
) -> dict[str, object]:
    n = train.layers
    windows = test.some(args.test_windows)
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(
            pool.map(eigen_rebuild.layer_rows, [train] * n, [test] * n, range(n), [windows] * n)
        )
    return {"test_windows": len(windows), "layers": found}


def study_means(args: argparse.Namespace, train: Capture, test: Capture) -> dict[str, object]:
    n = train.layers
    windows = test.some(args.test_windows)
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(
            pool.map(eigen_rebuild.layer_means, [train] * n, [test] * n, range(n), [windows] * n)
        )
    return {"test_windows": len(windows), "layers": found}


def study_head_matrices(
    args: argparse.Namespace, train: Capture, test: Capture
) -> dict[str, object]:
    n = train.layers
    windows = test.some(args.matrix_windows)
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(
            pool.map(
                eigen_rebuild.head_matrices,
                [train] * n,
                [test] * n,
                range(n),
                [windows] * n,
                [args.head_columns] * n,
            )
        )
    return {"test_windows": len(windows), "sketch_columns": args.head_columns, "layers": found}


def study_rebuilt_matrices(
    args: argparse.Namespace, train: Capture, test: Capture
) -> dict[str, object]:
    n = train.layers
    windows = test.some(args.matrix_windows)
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(
            pool.map(
                eigen_rebuild.layer_matrices,
                [test] * n,
                range(n),
                [windows] * n,
                [args.matrix_components] * n,
                [args.scratch] * n,
            )
        )
    return {
        "test_windows": len(windows),
        "components": args.matrix_components,
        "layers": found,
    }


def study_checks(args: argparse.Namespace, train: Capture, test: Capture) -> dict[str, object]:
    return eigen_check.differences(train, test, layer=train.layers - 1, head=0)


PARTS = {
    "rows": study_rows,
    "matrices": study_matrices,
    "rebuilt rows": study_rebuilt_rows,
    "rebuilt matrices": study_rebuilt_matrices,
    "head means": study_means,
    "head matrices": study_head_matrices,
    "checks": study_checks,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--window", type=int, default=128)
    parser.add_argument("--sketch-columns", type=int, default=1024, help="of whole matrices")
    parser.add_argument("--test-windows", type=int, default=64, help="for rebuilt rows")
    parser.add_argument("--matrix-windows", type=int, default=16, help="for rebuilt matrices")
    parser.add_argument("--matrix-components", type=int, default=256)
    parser.add_argument("--head-columns", type=int, default=128, help="of a head's matrices")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--scratch", type=Path, help="keep the matrices' components here")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    train, test = Capture(args.train, args.window), Capture(args.test, args.window)
    record = json.loads(args.out.read_text()) if args.out.exists() else {}
    record.update(
        heavykeys=heavykeys.__version__,
        train=train.describe(),
        test=test.describe(),
        shares={"rows": eigen_rebuild.ROW_SHARES, "matrices": eigen_rebuild.MATRIX_SHARES},
    )
    with tempfile.TemporaryDirectory() as scratch:
        args.scratch = args.scratch or Path(scratch)
        for part in args.parts:
            begin, spent = time.monotonic(), processor_seconds()
            record[part] = PARTS[part](args, train, test)
            record[part]["seconds"] = round(time.monotonic() - begin)
            record[part]["processor seconds"] = round(processor_seconds() - spent)
            print(part, record[part]["processor seconds"], "s of processors", flush=True)
            args.out.write_text(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
