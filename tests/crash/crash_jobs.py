"""The jobs that kill_campaign.py kills."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np

from crashes import BINARY, ENVIRONMENT, calls_in, complete_generations, is_temporary, preloaded, state_rows

PROGRAM = os.environ.get("HEAVYKEYS_LONG_STREAM", "build/release/bin/heavykeys_tests_long_stream")


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
    unbroken = [PROGRAM, "u.hks", "s.hks", "60000", "60000"]
    yield Job("library", [PROGRAM, "one.hks", "s.hks", "60000", "2000"], unbroken, folder)
