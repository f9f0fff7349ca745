"""A command whose file system calls are logged, made to fail one by one, or used to kill it."""

import os
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from command import BINARY, CommandTest  # noqa: E402

SHIM = os.environ.get("HEAVYKEYS_FAULTY_FILES", "build/release/tests/crash/heavykeys_tests_faulty_files.so")
ENVIRONMENT = {**os.environ, "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}

Call = namedtuple("Call", "number name what result")


def preloaded(folder, log, at=0, do="", all_later=False):
    """An environment in which call number `at` below `folder` does not succeed."""
    log.write_text("")
    return {
        **ENVIRONMENT,
        "LD_PRELOAD": SHIM,
        "HEAVYKEYS_FAULT_ROOT": str(folder),
        "HEAVYKEYS_FAULT_LOG": str(log),
        "HEAVYKEYS_FAULT_AT": str(at),
        "HEAVYKEYS_FAULT_DO": str(do),
        "HEAVYKEYS_FAULT_ALL": "1" if all_later else "",
    }


def calls_in(log):
    return [Call(int(n), *rest) for n, *rest in (line.split("\t") for line in log.read_text().splitlines())]


def is_temporary(name):
    return ".tmp-" in name or name.startswith(".heavykeys-tmp-")


def state_rows(path):
    """Rows in a state file that is intact, by what the command shows of it."""
    done = subprocess.run([BINARY, "show", str(path), "--json"], capture_output=True, env=ENVIRONMENT)
    if done.returncode != 0:
        raise AssertionError(f"{path} is not intact: {done.stderr.decode()}")
    import json

    return json.loads(done.stdout)["rows"]


def complete_generations(folder):
    """Checkpoint files of one process, oldest first."""
    return sorted(p for p in folder.glob("g*-rank-0000-of-0001.hks")) if folder.is_dir() else []


class CrashTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.outside = self.folder / "outside"  # of what is watched
        self.outside.mkdir()
        self.work = self.folder / "work"
        self.work.mkdir()
        self.log = self.outside / "log"

    def run_with(self, *command, at=0, do="", all_later=False):
        return subprocess.run(
            list(map(str, command)), cwd=self.work, capture_output=True, timeout=120,
            env=preloaded(self.work, self.log, at, do, all_later),
        )

    def calls(self):
        return calls_in(self.log)

    def temporaries(self):
        return [str(p) for p in self.work.rglob("*") if is_temporary(p.name)]

    def assert_killed(self, done):
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr.decode())
