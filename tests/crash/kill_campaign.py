"""kill -9 at random moments: runs that save their work are killed, started again, killed again, and end with the
bytes of a run that nobody killed. `kill_campaign.py --kills 200`; CI runs fewer (CMakeLists.txt).

Moments: at random in a run's time; right after a temporary file appeared, so inside a save; and before or after
one of the calls by which files change (faulty_files.cpp).
"""

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from crashes import BINARY, ENVIRONMENT, calls_in, complete_generations, is_temporary, preloaded, state_rows

PROGRAM = os.environ.get("HEAVYKEYS_LONG_STREAM", "build/release/bin/heavykeys_tests_long_stream")
KILLS_A_JOB = 8


def fail(text):
    sys.exit(f"FAILED: {text}")


class Job:
    """One that saves its work: `command` is run in the folder `work` and writes s.hks there at the end. `unbroken`:
    another that writes the same without saving, or None where bytes depend on how rows came (powers beyond the
    lift, docs/theory.md T7): the result must then be intact and of as many rows."""

    def __init__(self, name, command, unbroken, folder):
        self.name, self.command, self.unbroken = name, list(map(str, command)), list(map(str, unbroken or []))
        self.outside = folder / name
        self.outside.mkdir()
        self.work, self.log = self.outside / "work", self.outside / "log"
        self.measure()

    def start(self, at=0, do=""):
        return subprocess.Popen(
            self.command, cwd=self.work, env=preloaded(self.work, self.log, at, do), stderr=subprocess.PIPE
        )

    def measure(self):
        """The result that is right, by a run that saves nothing; and what an unbroken run takes."""
        self.fresh()
        subprocess.run(self.unbroken or self.command, cwd=self.work, check=True, env=ENVIRONMENT)
        self.whole = self.result()
        self.fresh()
        begin = time.monotonic()
        if self.start().wait() != 0:
            fail(f"{self.name}: an unbroken run fails")
        self.seconds = time.monotonic() - begin
        self.calls = len(calls_in(self.log))
        self.check_end()

    def result(self):
        path = self.work / "s.hks"
        return path.read_bytes() if self.unbroken else state_rows(path)

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()

    def saves(self):
        """Saves that are complete by their names."""
        one = self.work / "one.hks"
        return complete_generations(self.work / "saved") + ([one] if one.exists() else [])

    def temporaries(self):
        return sorted(p for p in self.work.rglob("*") if is_temporary(p.name))

    def check_end(self):
        if self.result() != self.whole:
            fail(f"{self.name}: another result than an unbroken run's")
        if complete_generations(self.work / "saved"):
            fail(f"{self.name}: saves are left over")


def kill_in_time(job, rng):
    process = job.start()
    try:
        process.wait(rng.uniform(0, 0.7 * job.seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    return process


def kill_in_a_save(job, rng):
    old = set(job.temporaries())
    process = job.start()
    folders = [job.work / "saved", job.work]
    left = rng.randint(1, 5)
    while process.poll() is None:
        new = [e.path for f in folders if f.is_dir() for e in os.scandir(f) if ".tmp-" in e.name]
        new = {p for p in new if Path(p) not in old}
        if new:
            old |= {Path(p) for p in new}
            left -= 1
            if left == 0:
                time.sleep(rng.choice([0, 0, rng.uniform(0, 0.002)]))
                process.kill()
                break
    return process


def kill_at_a_call(job, rng):
    return job.start(rng.randint(1, job.calls), rng.choice(["kill-before", "kill-after"]))


MOMENTS = {"in time": kill_in_time, "in a save": kill_in_a_save, "at a call": kill_at_a_call}


def wait(job, process):
    """True when it was killed; it must not have failed."""
    text = process.communicate()[1].decode()
    if process.returncode not in (0, -signal.SIGKILL):
        fail(f"{job.name}: exit code {process.returncode}: {text}")
    return process.returncode == -signal.SIGKILL


def check_after_kill(job, rows_before):
    """What was saved is not lost. Returns the rows that are."""
    if (job.work / "s.hks").exists():
        if job.result() != job.whole:
            fail(f"{job.name}: s.hks is there and is not the result")
        return 0  # saves may be gone
    rows = max((state_rows(path) for path in job.saves()), default=0)
    if rows < rows_before:
        fail(f"{job.name}: {rows_before} rows had been saved, {rows} are left")
    return rows


def run_job(job, rng, most, counts):
    job.fresh()
    rows, killed = 0, 0
    while killed < most:
        moment = rng.choice(list(MOMENTS))
        if not wait(job, MOMENTS[moment](job, rng)):
            break  # it was faster
        killed += 1
        counts[moment] += 1
        counts["with a temporary file left"] += bool(job.temporaries())
        rows = check_after_kill(job, rows)
        counts["resumed from saved rows"] += rows > 0
    if wait(job, job.start()):
        fail(f"{job.name}: killed by another")
    job.check_end()
    counts["jobs"] += 1
    return killed


def jobs(folder):
    rng = np.random.default_rng(3)
    keys = rng.standard_normal((60_000, 24)).astype(np.float32)
    keys[rng.integers(0, len(keys), 50)] *= 40
    np.save(folder / "k.npy", keys)
    np.save(folder / "few.npy", keys[:12_000, :6])
    for name, file, every, extra in [
        ("streaming", "k.npy", 2_000, ["--engine", "streaming"]),
        ("tbb", "k.npy", 3_000, ["--engine", "tbb", "--threads", "2"]),
        ("openmp", "k.npy", 2_500, ["--engine", "openmp", "--threads", "2"]),
        ("lifted", "few.npy", 700, ["--engine", "streaming", "--score", "power:4"]),
        ("weighted", "few.npy", 500, ["--engine", "streaming", "--score", "power:10"]),
        ("expressive", "few.npy", 600, ["--engine", "streaming", "--score", "expressive", "--rows", "17:11001"]),
    ]:
        command = [BINARY, "sketch", "--keys", folder / file, "--epsilon", "0.02", "--quiet", "--out", "s.hks", *extra]
        saving = [*command, "--checkpoint", "saved", "--checkpoint-every", every]
        yield Job(name, saving, None if name == "weighted" else command, folder)
    # What a user of the library writes: one file, saved over and over.
    yield Job("library", [PROGRAM, "one.hks", "s.hks", "60000", "2000"], [PROGRAM, "u.hks", "s.hks", "60000", "60000"], folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    counts = collections.Counter()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        all_jobs = list(jobs(Path(name)))
        left = arguments.kills
        for number in range(100 * arguments.kills):
            if left <= 0:
                break
            left -= run_job(all_jobs[number % len(all_jobs)], rng, min(left, KILLS_A_JOB), counts)
    if left > 0:
        fail(f"only {arguments.kills - left} runs could be killed")
    text = ", ".join(f"{counts[k]} {k}" for k in [*MOMENTS, "with a temporary file left", "resumed from saved rows"])
    print(f"{arguments.kills} kills in {counts['jobs']} jobs, all with the bytes of unbroken runs: {text}; "
          f"{time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
