"""What a run reads survives what it writes: every verb refuses to replace its own inputs, before the pass."""

import subprocess
import unittest

import numpy as np

from command import BINARY, CommandTest
from reference import write_safetensors


class InputsTest(CommandTest):
    def setUp(self):
        super().setUp()
        keys = self.rng.standard_normal((300, 4)).astype(np.float32)
        self.save("k.npy", keys)
        self.save("q.npy", keys[:20])
        write_safetensors(self.folder / "heads.safetensors", {"model:k": ("F32", keys)})
        self.succeed("find", "--keys", "k.npy", "--epsilon", 0.2, "--out", "found", "--quiet")
        (self.folder / "link.npy").symlink_to("k.npy")

    def refuse_stdin(self, *arguments, words):
        """Keys on standard input, which is k.npy itself."""
        before = self.snapshot()
        with (self.folder / "k.npy").open("rb") as keys:
            done = subprocess.run([BINARY, *map(str, arguments)], stdin=keys, capture_output=True, cwd=self.folder)
        self.assert_one_line(done, 2, words)
        self.assertEqual(self.snapshot(), before)

    def test_pages(self):
        find = ["find", "--epsilon", 0.2]
        for page in ["k.npy", "./found/../k.npy", self.path("k.npy"), "link.npy"]:
            with self.subTest(page=page):
                self.fail_with(*find, "--keys", "k.npy", "--report", page, words=[page, "input of this run"])
        named = "heads.safetensors:model:k"
        self.fail_with(*find, "--keys", named, "--report", "heads.safetensors", words=["input of this run"])
        self.refuse_stdin(*find, "--keys", "-", "--report", "k.npy", words=["input of this run"])
        scan = ["scan", "--keys", "k.npy", "--queries", "q.npy", "--epsilon", 0.2, "--score", "power:2"]
        page = "found/universal_set.npy"
        self.fail_with(*scan, "--audit", "found", "--report", page, words=["is a file of found"])
        self.fail_with(*find, "--keys", "k.npy", "--out", "new", "--report", "new", words=["folder of --out"])
        self.fail_with(*find, "--keys", "k.npy", "--out", "new/", "--report", "./new", words=["folder of --out"])

    def test_folders(self):
        scan = ["scan", "--keys", "k.npy", "--queries", "q.npy", "--epsilon", 0.2, "--score", "power:2"]
        for out in ["found", "found/", "./found/../found"]:
            words = [out, "would replace found"]
            self.fail_with(*scan, "--audit", "found", "--out", out, words=words)
        audit = "found/universal_set.npy"
        self.fail_with(*scan, "--audit", audit, "--out", "found", words=["would replace found/universal_set.npy"])
        self.save("found/leverage.npy", self.rng.standard_normal((9, 2)))
        find = ["find", "--keys", "found/leverage.npy", "--epsilon", 0.2, "--out", "found"]
        self.fail_with(*find, words=["found/leverage.npy"])

    def test_states(self):
        sketch = ["sketch", "--epsilon", 0.2]
        self.fail_with(*sketch, "--keys", "k.npy", "--out", "k.npy", words=["--out k.npy", "input of this run"])
        self.fail_with(*sketch, "--keys", "k.npy", "--out", "link.npy", words=["input of this run"])
        self.refuse_stdin(*sketch, "--keys", "-", "--out", "k.npy", words=["input of this run"])
        # To go on in the same file is no loss: the new state holds the old one.
        self.succeed(*sketch, "--keys", "k.npy", "--rows", "0:100", "--out", "s.hks", "--quiet")
        self.succeed("sketch", "--keys", "k.npy", "--resume", "s.hks", "--out", "s.hks", "--quiet")
        self.succeed(*sketch, "--keys", "k.npy", "--out", "whole.hks", "--quiet")
        self.assertEqual((self.folder / "s.hks").read_bytes(), (self.folder / "whole.hks").read_bytes())

    def test_components_and_patterns(self):
        eigen = ["eigen", "--queries", "q.npy", "--keys", "q.npy", "--window", 4]
        self.fail_with(*eigen, "--save", "q.npy", words=["--save q.npy", "input of this run"])
        self.succeed(*eigen, "--out", "components", "--quiet")
        reconstruct = ["reconstruct", "components", "--computed", 2, "--out"]
        self.fail_with(*reconstruct, "components/summary.json", words=["is a file of components"])
        self.succeed("plant", "--random", 8, "--nonzeros", 1, "--ratio", 4, "--out", "p")
        again = ["plant", "--pattern", "p/queries.npy", "--ratio", 4, "--out", "p"]
        self.fail_with(*again, words=["would replace p/queries.npy"])


if __name__ == "__main__":
    unittest.main()
