"""kill -9 at random moments: runs that save their work are killed, started again, killed again, and end with the
bytes of a run that nobody killed. `kill_campaign.py --kills 200`; CI runs fewer (CMakeLists.txt).

Moments: at random in a run's time; right after a temporary file appeared, so inside a save; and before or after
one of the calls by which files change (faulty_files.cpp).
"""

import argparse
import collections
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from crash_jobs import fail, jobs
from crashes import is_temporary, state_rows

KILLS_A_JOB = 8


def kill_in_time(job, rng):
    process = job.start()
    try:
        process.wait(rng.uniform(0, 0.7 * job.seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    return process


def temporaries_in(folder):
    try:
        return {entry.path for entry in os.scandir(folder) if is_temporary(entry.name)}
    except FileNotFoundError:  # not yet, or no longer
        return set()


def kill_in_a_save(job, rng):
    seen = set(map(str, job.temporaries()))
    process = job.start()
    left = rng.randint(1, 5)
    while process.poll() is None:
        new = (temporaries_in(job.work / "saved") | temporaries_in(job.work)) - seen
        if new:
            seen |= new
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
