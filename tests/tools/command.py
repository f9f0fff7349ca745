"""Runs the command that is under test, each test in a folder of its own."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

BINARY = os.environ.get("HEAVYKEYS_BIN", "build/release/bin/heavykeys")
DATA = Path(__file__).resolve().parents[1] / "data"
RESULT_NAMES = [
    "universal_set",
    "leverage",
    "layer",
    "heavy_indptr",
    "heavy_keys",
    "heavy_weights",
    "heavy_bounds",
]


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.rng = np.random.default_rng(7)

    def path(self, name):
        return str(self.folder / name)

    def save(self, name, array):
        np.save(self.folder / name, array)
        return self.path(name)

    def run_command(self, *arguments, stdin=b""):
        return subprocess.run(
            [BINARY, *map(str, arguments)], input=stdin, capture_output=True, timeout=120, cwd=self.folder
        )

    def succeed(self, *arguments, stdin=b""):
        done = self.run_command(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode()

    def fail_with(self, *arguments, words=(), stdin=b""):
        """Exit code 2, one line on stderr with all of `words`, nothing on stdout, no file made or changed."""
        before = self.snapshot()
        text = self.assert_one_line(self.run_command(*arguments, stdin=stdin), 2, words)
        self.assertEqual(self.snapshot(), before)
        return text

    def assert_one_line(self, done, exit_code, words):
        """This exit code, one line on stderr with all of `words`, nothing on stdout. Returns the line."""
        text = done.stderr.decode()
        self.assertEqual(done.returncode, exit_code, text)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(text.startswith("heavykeys: ") and text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), 1, text)
        for word in words:
            self.assertIn(str(word), text)
        return text

    def snapshot(self):
        return {
            str(p.relative_to(self.folder)): p.read_bytes() if p.is_file() else None
            for p in sorted(self.folder.rglob("*"))
        }

    def find_json(self, *arguments, stdin=b""):
        return json.loads(self.succeed("find", "--json", *arguments, stdin=stdin))

    def result(self, folder, name):
        return np.load(self.folder / folder / f"{name}.npy")

    def array_bytes(self, folder):
        """All arrays below the folder, by relative path."""
        root = self.folder / folder
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.npy"))}

    def assert_universal(self, folder, tau, epsilon):
        found = self.result(folder, "universal_set")
        self.assertEqual(found.dtype, np.int64)
        np.testing.assert_array_equal(found, np.flatnonzero(tau >= epsilon))
        np.testing.assert_allclose(self.result(folder, "leverage"), tau[found], rtol=1e-7)

    def assert_heavy(self, folder, weights, epsilon, rtol=1e-7):
        rows, keys = np.nonzero(weights >= epsilon)
        counts = np.bincount(rows, minlength=len(weights))
        np.testing.assert_array_equal(
            self.result(folder, "heavy_indptr"), np.concatenate([[0], np.cumsum(counts)])
        )
        np.testing.assert_array_equal(self.result(folder, "heavy_keys"), keys)
        found = self.result(folder, "heavy_weights")
        np.testing.assert_allclose(found, weights[rows, keys], rtol=rtol)
        bounds = self.result(folder, "heavy_bounds")
        self.assertEqual(bounds.shape, (len(keys), 2))
        self.assertTrue(np.all(bounds[:, 0] <= found) and np.all(found <= bounds[:, 1]))
        self.assertTrue(np.all(bounds[:, 1] - bounds[:, 0] <= 1e-10))
