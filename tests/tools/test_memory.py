"""Peak memory does not grow with n: 16 million rows through a pipe take what 1 million take."""

import json
import subprocess
import unittest

import numpy as np

from command import BINARY, CommandTest

CHUNK = 1 << 15
DIM = 64


def npy_header(rows):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {DIM}), }}"
    text = text.ljust(118 - 1) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


class MemoryTest(CommandTest):
    def peak(self, rows, *arguments, verb="find"):
        """Peak resident bytes, as the command itself reports them, of a find that reads `rows` rows from a pipe."""
        chunk = self.rng.standard_normal((CHUNK, DIM)).astype(np.float32)
        chunk[:3] *= 50  # some rows are always near the threshold
        command = [BINARY, verb, "--keys", "-", "--epsilon", "0.01", "--json", *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.folder) as process:
            process.stdin.write(npy_header(rows))
            for _ in range(rows // CHUNK):
                process.stdin.write(chunk)
            process.stdin.close()
            summary = json.loads(process.stdout.read())
        self.assertEqual(process.returncode, 0)
        self.assertEqual(summary["n"], rows)
        return summary["run"]["peak_memory_bytes"]

    def check(self, *arguments, verb="find"):
        # Twice: threads meet in other orders each time.
        small = max(self.peak(1 << 20, *arguments, verb=verb) for _ in range(2))
        large = self.peak(1 << 24, *arguments, verb=verb)
        print(f"peak memory {verb} {arguments}: 1M rows {small / 2**20:.1f} MiB, 16M rows {large / 2**20:.1f} MiB")
        self.assertLessEqual(large, 1.05 * small)

    def test_streaming(self):
        self.check("--engine", "streaming")

    def test_tbb(self):
        self.check("--engine", "tbb", "--threads", "2")

    def test_scan(self):
        queries = self.save("q.npy", self.rng.standard_normal((40, DIM)).astype(np.float32) / 16)
        self.check("--queries", queries, "--score", "softmax", "--engine", "tbb", "--threads", "2", verb="scan")


if __name__ == "__main__":
    unittest.main()
