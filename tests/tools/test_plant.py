"""heavykeys plant: the precision against NumPy, the planted entries back from heavykeys scan, bad usage."""

import json
import unittest

import numpy as np

from command import CommandTest

FILES = {
    f"{name}.npy"
    for name in ["queries", "keys", "x", "w_q", "w_k", "planted_indptr", "planted_keys", "planted_weights"]
} | {"summary.json"}


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


class PlantTest(CommandTest):
    def plant(self, *arguments, out="p"):
        text = self.succeed("plant", *arguments, "--out", out, "--json")
        self.assertEqual(text.encode(), (self.folder / out / "summary.json").read_bytes())
        self.assertEqual({p.name for p in (self.folder / out).iterdir()}, FILES)
        return json.loads(text)

    def planted(self, out="p"):
        """The pattern as it was planted, dense, rows normalised."""
        indptr, keys, weights = (self.result(out, f"planted_{name}") for name in ["indptr", "keys", "weights"])
        dense = np.zeros((len(indptr) - 1, len(self.result(out, "keys"))))
        dense[np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), keys] = weights
        return dense

    def assert_achieved(self, summary, out="p"):
        """What summary.json says of the precision is so, of the arrays that were written."""
        a = softmax(self.result(out, "queries").astype(float) @ self.result(out, "keys").astype(float).T)
        m = self.planted(out)
        support = m > 0
        with np.errstate(divide="ignore"):
            logs = np.log(a) - np.log(m)
        spread = np.where(support, logs, -np.inf).max(axis=1) - np.where(support, logs, np.inf).min(axis=1)
        achieved = summary["achieved"]
        off = np.where(support, 0, a)
        self.assertAlmostEqual(achieved["epsilon1"], np.expm1(spread.max()), delta=1e-10)
        np.testing.assert_allclose(achieved["epsilon2"], off.max(), rtol=1e-9)
        np.testing.assert_allclose(achieved["off_support_mass"], off.sum(axis=1).max(), rtol=1e-9)
        np.testing.assert_allclose(achieved["least_planted_weight"], a[support].min(), rtol=1e-9)
        np.testing.assert_allclose(achieved["max_error"], np.abs(a - m).max(), rtol=1e-6, atol=1e-10)
        met = spread.max() <= np.log1p(summary["epsilon1"]) and off.max() <= summary["epsilon2"]
        self.assertEqual(achieved["met"], bool(met))
        q, k = (np.linalg.norm(self.result(out, name).astype(float), axis=1).max() for name in ["queries", "keys"])
        np.testing.assert_allclose(achieved["logit_error"], (summary["d"] + 3) * 2.0**-53 * q * k, rtol=1e-3)
        self.assertGreaterEqual(achieved["epsilon1"], 2 * achieved["logit_error"] if support.sum(axis=1).max() > 1 else 0)

    def assert_scan_finds(self, summary, out="p"):
        self.succeed("scan", "--keys", f"{out}/keys.npy", "--queries", f"{out}/queries.npy", "--score", "softmax",
                     "--epsilon", repr(summary["separating_epsilon"]), "--out", "scan", "--quiet")
        for name in ["indptr", "keys"]:
            np.testing.assert_array_equal(self.result("scan", f"heavy_{name}"), self.result(out, f"planted_{name}"))
        np.testing.assert_allclose(self.result("scan", "heavy_weights"), self.result(out, "planted_weights"),
                                   atol=2 * summary["achieved"]["max_error"])

    def test_random_patterns(self):
        for size, k in [(64, 1), (256, 2), (1024, 4)]:
            for dtype in ["float64", "float32"]:
                with self.subTest(size=size, k=k, dtype=dtype):
                    summary = self.plant("--random", size, "--nonzeros", k, "--ratio", 10, "--seed", k,
                                         "--epsilon1", 0.001, "--failure", 1e-4, "--dtype", dtype)
                    self.assertTrue(summary["achieved"]["met"])
                    self.assertEqual((summary["d"], summary["input_dim"]), (summary["bound"], 2 * summary["bound"]))
                    self.assertEqual(self.result("p", "queries").shape, (size, summary["d"]))
                    self.assertEqual(self.result("p", "queries").dtype, np.dtype(dtype))
                    m = self.planted()
                    self.assertTrue((np.count_nonzero(m, axis=0) == k).all())
                    self.assertTrue((np.count_nonzero(m, axis=1) == k).all())
                    self.assert_achieved(summary)
                    self.assert_scan_finds(summary)

    def test_fixed_projections(self):
        m = self.save("m.npy", np.array([[0, 2, 1], [1, 0, 0]], np.float32))
        self.plant("--pattern", m, "--dim", 6)
        x, w_q, w_k = (self.result("p", name) for name in ["x", "w_q", "w_k"])
        np.testing.assert_array_equal(w_q, np.vstack([np.eye(6), np.zeros((6, 6))]))
        np.testing.assert_array_equal(w_k, np.vstack([np.zeros((6, 6)), np.eye(6)]))
        np.testing.assert_array_equal((x @ w_q)[:2], self.result("p", "queries"))
        np.testing.assert_array_equal(x @ w_k, self.result("p", "keys"))

    def test_patterns_from_files(self):
        dense = np.zeros((40, 40))
        dense[np.arange(40), self.rng.permutation(40)] = 1
        dense[np.arange(40), np.arange(40)] = self.rng.uniform(0.5, 2, 40)
        for dtype in [np.float32, np.float64]:
            summary = self.plant("--pattern", self.save("m.npy", dense.astype(dtype)), "--epsilon2", 1e-3)
            self.assertEqual((summary["queries"], summary["n"], summary["entries"]), (40, 40, np.count_nonzero(dense)))
            self.assert_achieved(summary)
            self.assert_scan_finds(summary)
        want = self.array_bytes("p")
        folder = self.folder / "csr"
        folder.mkdir()
        rows, columns = np.nonzero(dense)
        np.save(folder / "indptr.npy", np.searchsorted(rows, np.arange(41)))
        np.save(folder / "indices.npy", columns)
        np.save(folder / "values.npy", dense[rows, columns])
        self.plant("--pattern", folder, "--epsilon2", 1e-3, out="q")
        self.assertEqual(self.array_bytes("q"), want)

    def test_svd(self):
        summary = self.plant("--random", 48, "--nonzeros", 2, "--ratio", 4, "--construction", "svd")
        self.assertTrue(summary["exact"] and summary["achieved"]["met"])
        self.assertGreater(summary["bound"], 48)
        self.assertLessEqual(summary["d"], 48)
        self.assert_achieved(summary)
        self.assert_scan_finds(summary)

    def test_smallest_dim(self):
        question = ["--random", 96, "--nonzeros", 2, "--ratio", 4]
        summary = self.plant(*question, "--smallest-dim", "--trials", 2)
        found = summary["smallest"]
        self.assertEqual(summary["d"], found["d"])
        self.assertLess(found["d"], summary["bound"])
        self.assertTrue(all(t["met"] == (t["d"] >= found["d"]) for t in found["tries"]))
        self.assertIn({"d": found["d"] - 1, "met": False}, found["tries"])
        self.assert_achieved(summary)
        less = self.plant(*question, "--dim", found["d"] // 2)
        self.assertFalse(less["achieved"]["met"])
        self.assert_achieved(less)
        self.assertIn("NOT MET", self.succeed("plant", *question, "--dim", found["d"] // 2))

    def test_same_bytes_from_engines_and_over_an_older_folder(self):
        question = ["--random", 100, "--nonzeros", 3, "--ratio", 9, "--seed", 5]
        self.plant(*question, "--engine", "streaming")
        want = self.array_bytes("p")
        for engine in json.loads(self.succeed("engines", "--json"))["engines"]:
            if engine["name"] == "mpi":
                continue
            self.plant(*question, "--engine", engine["name"])
            self.assertEqual(self.array_bytes("p"), want)
        self.plant(*question[:-1], 6)
        self.assertNotEqual(self.array_bytes("p"), want)
        self.assertEqual(self.succeed("plant", *question, "--quiet"), "")

    def test_bad_usage(self):
        plant = ["plant", "--random", "8", "--out", "r"]
        self.fail_with("plant", "--out", "r", words=["--pattern", "--random"])
        for option in ["--epsilon1", "--epsilon2", "--failure", "--ratio", "--logit"]:
            for value in ["-1", "nan", "abc", ""]:
                self.fail_with(*plant, option, value, words=[option.strip("-").rstrip("12")])
        for option in ["--dim", "--nonzeros", "--trials", "--random"]:
            for value in ["0", "-3", "x", ""]:
                self.fail_with("plant", "--random", 8, "--smallest-dim", option, value)
        self.fail_with(*plant, "--nonzeros", 9, words=["8 columns", "9 entries"])
        self.fail_with(*plant, "--nonzeros", 3, "--dim", 2, words=["row 0", "dimension 2"])
        self.fail_with(*plant, "--dim", 16385, words=["dim is 16385", "2^14"])
        self.fail_with("plant", "--random", 1 << 40, words=[1 << 40, "2^26 rows"])
        self.fail_with("plant", "--random", 1 << 62, words=[1 << 62, "2^26 rows"])
        self.fail_with(*plant, "--epsilon2", 1, words=["epsilon2 is 1"])
        self.fail_with(*plant, "--construction", "magic")
        self.fail_with(*plant, "--dtype", "float16")
        self.fail_with(*plant, "--smallest-dim", "--dim", 4)
        self.fail_with(*plant, "--trials", 4)
        self.fail_with(*plant, "--pattern", "m.npy")
        self.fail_with(*plant, "--engine", "cuda", words=["cuda"])
        self.fail_with(*plant, "--engine", "mpi", words=["mpi"])
        self.fail_with("plant", "--random", 8, "--out", "no/r", words=["no folder"])

    def test_bad_patterns(self):
        def refused(array, *words, arguments=()):
            self.fail_with("plant", "--pattern", self.save("m.npy", array), "--out", "r", *arguments,
                           words=["m.npy", *words])

        refused(np.array([[1.0, 0], [0, -2]]), "row 1, column 1 is -2")
        refused(np.array([[1.0, np.nan], [0, 2]]), "row 0, column 1 is nan")
        refused(np.array([[1.0, 0], [0, np.inf]]), "row 1, column 1 is inf")
        refused(np.array([[1.0, 0], [0, 0]]), "row 1 is empty")
        refused(np.ones((2, 2, 2)), "3 dimensions")
        refused(np.ones((2, 2), np.int64), "dtype")
        refused(np.array([[1.0, 4], [1, 0]]), "ratio 4", arguments=["--ratio", 3])
        refused(np.array([[1.0, 4], [1, 0]]), "row 0 has 2 entries", arguments=["--nonzeros", 1])
        self.fail_with("plant", "--pattern", "none.npy", words=["none.npy"])
        (self.folder / "csr").mkdir()
        self.save("csr/indptr.npy", np.array([0, 1]))
        self.fail_with("plant", "--pattern", "csr", words=["csr", "indices.npy"])
        self.save("csr/indices.npy", np.array([1 << 40]))
        self.save("csr/values.npy", np.array([1.0]))
        self.fail_with("plant", "--pattern", "csr", words=["csr", 1 << 40])
        self.save("csr/indices.npy", np.array([(1 << 32) - 1]))  # 34 GB, if its columns were counted in an array
        self.fail_with("plant", "--pattern", "csr", words=["4294967296 rows", "2^28 elements"])
        self.fail_with("plant", "--pattern", "csr", "--construction", "svd", words=["4294967296"])
        self.save("csr/indices.npy", np.array([-1]))
        self.fail_with("plant", "--pattern", "csr", words=["row 0, column -1"])
        self.save("csr/values.npy", np.array([1], np.float32))
        self.fail_with("plant", "--pattern", "csr", words=["values.npy", "<f4"])

    def test_never_over_others_files(self):
        (self.folder / "r").mkdir()
        self.save("r/universal_set.npy", np.arange(3))
        self.fail_with("plant", "--random", 8, "--out", "r", words=["universal_set.npy"])
        self.plant("--random", 8)
        self.save("k.npy", np.ones((4, 2), np.float32))
        self.fail_with("find", "--keys", "k.npy", "--epsilon", 0.5, "--out", "p", words=["no result of heavykeys"])


if __name__ == "__main__":
    unittest.main()
