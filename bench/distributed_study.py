#!/usr/bin/env python3
"""Runs bench_distributed over cases and numbers of ranks, and writes what docs/distributed.md is made from.

usage: bench/distributed_study.py BENCH_DISTRIBUTED [--out bench/results/distributed.json] [--only CASE]

Each record has, over the ranks: words out and in (the greatest), seconds of processor time (median and
greatest). `sent` is what Open MPI itself says it sent, by its monitoring component (MPI_T does not show it in
4.1.4, whose component withdraws its variables when it is put in; the files it writes at the end do): the
difference between a run with two merges and one with one. Takes about 15 minutes on 2 cores.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

M = 1 << 20
FEW, MANY = list(range(1, 9)), [16, 32, 64]
CASES = {
    "x^2, d=64": (FEW, [M + 1000, 4 * M + 1000, 16 * M + 1000], ["--dim", "64"]),
    "x^2, d=128": (FEW, [M + 1000, 4 * M + 1000, 16 * M + 1000], ["--dim", "128"]),
    "x^2, d=64, 600 planted": (FEW, [M + 1000, 4 * M + 1000], ["--dim", "64", "--planted", "600"]),
    "expressive, d=64": (FEW, [M + 1000, 4 * M + 1000], ["--dim", "64", "--score", "expressive"]),
    "x^4, d=16": (FEW, [M // 8 + 1000, M // 2 + 1000], ["--dim", "16", "--score", "power:4"]),
    "x^2, d=64, more ranks": (MANY, [M + 1000], ["--dim", "64"]),
    "expressive, d=64, more ranks": (MANY, [M + 1000], ["--dim", "64", "--score", "expressive"]),
}


def mpirun(ranks, program, options, mca=()):
    """The JSON of one run. Other work may run beside it: our own is `nice`."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.json"
        command = ["nice", "mpirun", "--oversubscribe", "-np", str(ranks), *mca, program, *options, "--json", str(out)]
        subprocess.run(command, check=True)
        return json.loads(out.read_text())


def sent_by_rank(ranks, program, options):
    """(bytes, messages) of each rank in a whole run, from the files of Open MPI's monitoring."""
    with tempfile.TemporaryDirectory() as folder:
        mca = []
        for name, value in {"enable": "2", "enable_output": "3", "filename": folder + "/p"}.items():
            mca += ["--mca", "pml_monitoring_" + name, value]
        mpirun(ranks, program, options, mca)
        sent = []
        for rank in range(ranks):
            size = count = 0
            for line in (pathlib.Path(folder) / f"p.{rank}.prof").read_text().splitlines():
                fields = line.split("\t")  # I: inside collectives, E: point to point
                if fields[0] in ("I", "E"):
                    size += int(fields[3].split()[0])
                    count += int(fields[4].split()[0])
            sent.append((size, count))
        return sent


def sent_in_one_merge(ranks, program, rows, options):
    runs = [sent_by_rank(ranks, program, ["--rows", str(rows), "--merges", str(m), *options]) for m in (1, 2)]
    per_rank = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(*runs)]
    return {
        "bytes_max": max(s[0] for s in per_rank),
        "bytes_mean": statistics.mean(s[0] for s in per_rank),
        "messages_max": max(s[1] for s in per_rank),
    }


def over_ranks(values):
    return {"median": statistics.median(values), "max": max(values), "sum": sum(values)}


def condensed(size):
    ranks = size["ranks"]
    first = ranks[0]
    record = {key: first[key] for key in ("universal_set", "candidates", "lifted_dim", "limbs", "sketch_bytes")}
    record["rows"] = size["rows"]
    record["own_candidates"] = over_ranks([r["own_candidates"] for r in ranks])
    record["absorb_cpu"] = over_ranks([r["absorb"]["cpu"] for r in ranks])
    record["absorb_ns_per_row"] = over_ranks([1e9 * r["absorb"]["cpu"] / r["rows"] for r in ranks])
    record["merge_compute_cpu"] = over_ranks([r["allmerge"]["cpu"] - r["inside_transport"]["cpu"] for r in ranks])
    record["transport_cpu"] = over_ranks([r["inside_transport"]["cpu"] for r in ranks])
    record["finalize_cpu"] = over_ranks([r["finalize"]["cpu"] for r in ranks])
    record["absorb_wall"] = over_ranks([r["absorb"]["wall"] for r in ranks])
    record["allmerge_wall"] = over_ranks([r["allmerge"]["wall"] for r in ranks])
    if "words" in first:
        record["calls"] = first["calls"]
        record["words"] = {}
        for i, term in enumerate(first["words"]):
            all_ranks = [r["words"][i] for r in ranks]
            record["words"][term["name"]] = {
                "out": max(t["out"] for t in all_ranks), "in": max(t["in"] for t in all_ranks), "bound": term["bound"]}
    return record


def study(program, name):
    ranks, sizes, options = CASES[name]
    records = []
    for p in ranks:
        rows = [word for n in sizes for word in ("--rows", str(n))]
        run = mpirun(p, program, [*rows, *options])
        for size in run["sizes"]:
            records.append({"ranks": p, **condensed(size)})
        if p > 1:
            records[-len(sizes)]["sent"] = sent_in_one_merge(p, program, sizes[0], options)
        print(name, p, flush=True)
    return {"options": options, "date": str(datetime.date.today()), "machine": run["machine"], "records": records}


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def write(results, path):
    """A record a line, four digits: for people and for git."""
    cases = []
    for name, case in results.items():
        records = case["records"] if name != "directory" else case
        lines = ",\n".join("  " + json.dumps(rounded(r)) for r in records)
        rest = "" if name == "directory" else "".join(
            f"  {json.dumps(k)}: {json.dumps(v)},\n" for k, v in case.items() if k != "records")
        cases.append(f"{json.dumps(name)}: [\n{lines}]" if not rest else
                     f'{json.dumps(name)}: {{\n{rest}  "records": [\n{lines}]}}')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{" + ",\n".join(cases) + "}\n")


def million(rows):
    return f"{rows / M:.3g} M"


def tables(results):
    """What docs/distributed.md and docs/performance.md show."""
    print("Greatest words of a rank, by part (in; out where that is more)\n")
    names = ["agreement", "gram", "directory", "borders", "candidates", "sample", "open", "all"]
    print("| case | n | ranks | " + " | ".join(names) + " | bound | sent by Open MPI, KB a rank | messages |")
    print("| --- " * (len(names) + 6) + "|")
    for name, case in results.items():
        for r in case["records"] if name != "directory" else []:
            if r["ranks"] == 1:
                continue
            terms = [max(r["words"][t]["in"], r["words"][t]["out"]) if t in r["words"] else 0 for t in names]
            sent = r.get("sent")
            said = f"{sent['bytes_mean'] / 1e3:.0f} (up to {sent['bytes_max'] / 1e3:.0f}) | {sent['messages_max']}" if sent else " | "
            print(f"| {name} | {million(r['rows'])} | {r['ranks']} | " + " | ".join(f"{t:,}" for t in terms) +
                  f" | {r['words']['all']['bound']:,} | {said} |")
    print("\nProcessor seconds: medians over the ranks\n")
    print("| case | n | ranks | absorb, ns a row | absorb, s a rank | allmerge outside MPI, ms | inside MPI, ms | finalize, ms |")
    print("| --- " * 8 + "|")
    for name, case in results.items():
        for r in case["records"] if name != "directory" else []:
            ms = [1e3 * r[t]["median"] for t in ("merge_compute_cpu", "transport_cpu", "finalize_cpu")]
            print(f"| {name} | {million(r['rows'])} | {r['ranks']} | {r['absorb_ns_per_row']['median']:.0f} | "
                  f"{r['absorb_cpu']['median']:.3g} | " + " | ".join(f"{t:.2g}" for t in ms) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--out", default="bench/results/distributed.json", type=pathlib.Path)
    parser.add_argument("--only", choices=CASES, action="append")
    parser.add_argument("--tables", action="store_true", help="only print tables of what is in OUT, in Markdown")
    options = parser.parse_args()
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    if options.tables:
        return tables(results)
    for name in options.only or CASES:
        results[name] = study(options.program, name)
        write(results, options.out)
    if not options.only:
        crowds = [json.loads(subprocess.run([options.program, "--crowd", str(p)], check=True, capture_output=True,
                                            env=os.environ).stdout)["directory"] for p in (10, 100, 1000, 10000)]
        results["directory"] = crowds
        write(results, options.out)


if __name__ == "__main__":
    main()
