"""heavykeys eigen and heavykeys overlap against NumPy's dense SVD."""

import json
import unittest

import numpy as np

from command import DATA, CommandTest


def score_matrices(queries, keys, window, scale):
    """[heads, n, d] -> [heads, windows, window, window], float64."""
    heads, n, d = keys.shape
    count = n // window
    q = queries[:, : count * window].astype(np.float64).reshape(heads, count, window, d)
    k = keys[:, : count * window].astype(np.float64).reshape(heads, count, window, d)
    return scale * q @ k.transpose(0, 1, 3, 2)


def softmax(x, causal=False):
    x = np.where(np.tri(x.shape[-1], dtype=bool), x, -np.inf) if causal else x
    weights = np.exp(x - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def pca(samples):
    """Variances, descending, and components, by a dense SVD."""
    centred = samples - samples.mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    return s**2 / len(samples), vt


class EigenTest(CommandTest):
    def heads(self, heads=3, n=50, d=6):
        queries = self.rng.standard_normal((heads, n, d)).astype(np.float32)
        keys = self.rng.standard_normal((heads, n, d)).astype(np.float32)
        keys[:, :, 0] += 2
        return queries, keys, ["--queries", self.save("q.npy", queries), "--keys", self.save("k.npy", keys)]

    def check(self, folder, samples):
        """The arrays of a folder are those of a dense SVD of `samples` [N, ...], to 1e-8."""
        flat = samples.reshape(len(samples), -1)
        variances, vt = pca(flat)
        found = self.result(folder, "variances")
        components = self.result(folder, "components").reshape(len(found), -1)
        size = min(len(found), len(variances))
        np.testing.assert_allclose(found[:size], variances[:size], rtol=0, atol=1e-8 * variances[0])
        self.assertTrue((found[size:] <= 1e-8 * variances[0]).all())
        np.testing.assert_allclose(self.result(folder, "mean").ravel(), flat.mean(0), rtol=0, atol=1e-10)
        np.testing.assert_allclose(self.result(folder, "element_variances").ravel(), flat.var(0), rtol=1e-8)
        np.testing.assert_allclose(components @ components.T, np.eye(len(found)), rtol=0, atol=1e-10)
        top = min(3, len(variances))
        np.testing.assert_allclose(np.abs(components[:top] @ vt[:top].T), np.eye(top), rtol=0, atol=1e-6)
        explained = np.cumsum(found) / flat.var(0).sum()
        np.testing.assert_allclose(self.result(folder, "explained_variance"), explained, rtol=0, atol=1e-8)
        summary = json.loads((self.folder / folder / "summary.json").read_text())
        self.assertEqual(summary["samples"], len(samples))
        self.assertEqual(summary["dim"], flat.shape[1])
        for share, count in summary["components_for"].items():
            wanted = int(np.argmax(explained >= float(share) - 1e-9)) + 1
            self.assertEqual(count, wanted)
        return summary

    def test_rows_of_all_heads_together(self):
        queries, keys, files = self.heads()
        self.succeed("eigen", *files, "--window", 10, "--out", "rows", "--quiet")
        matrices = score_matrices(queries, keys, 10, 1 / np.sqrt(6))
        self.check("rows", matrices.reshape(-1, 10))

    def test_whole_matrices_and_rows_left_out(self):
        queries, keys, files = self.heads(n=47)
        said = json.loads(self.succeed("eigen", *files, "--window", 5, "--of", "matrices", "--out", "m", "--json"))
        matrices = score_matrices(queries, keys, 5, 1 / np.sqrt(6))
        summary = self.check("m", matrices.reshape(-1, 5, 5))
        self.assertEqual(said, summary)
        self.assertAlmostEqual(said["scale"], 6**-0.5)
        self.assertEqual(said["rows_left_out"], 2)
        self.assertEqual(self.result("m", "components").shape, (25, 5, 5))

    def test_a_sketch_of_whole_matrices_that_span_few_dimensions(self):
        queries, keys, files = self.heads(heads=2, n=400, d=4)
        self.succeed("eigen", *files, "--window", 40, "--of", "matrices", "--out", "m", "--quiet")
        matrices = score_matrices(queries, keys, 40, 0.5)  # 20 samples of 1,600: 256 columns hold them
        summary = self.check("m", matrices.reshape(-1, 40, 40))
        self.assertEqual(summary["sketch_columns"], 256)
        self.assertGreaterEqual(summary["components"], 19)

    def test_each_head_apart_after_softmax(self):
        queries, keys, files = self.heads()
        for causal in (False, True):
            more = ["--causal"] if causal else []
            self.succeed("eigen", *files, "--window", 10, "--each-head", "--normalisation", "softmax",
                         "--scale", 0.3, *more, "--out", f"heads{causal}", "--quiet")
            weights = softmax(score_matrices(queries, keys, 10, 0.3), causal)
            for h in range(3):
                self.check(f"heads{causal}/head-00{h}", weights[h].reshape(-1, 10))

    def test_score_matrices_as_they_are(self):
        scores = self.rng.standard_normal((9, 6, 6))
        self.succeed("eigen", "--scores", self.save("s.npy", scores), "--of", "matrices", "--out", "m", "--quiet")
        self.check("m", scores)

    def test_engines_and_ranks_write_the_same_bytes(self):
        _, _, files = self.heads()
        for of in ("rows", "matrices"):
            arguments = ["eigen", *files, "--window", 10, "--of", of, "--sketch-columns", 7, "--quiet"]
            self.succeed(*arguments, "--engine", "streaming", "--out", f"{of}-one")
            for engine in ("tbb", "openmp"):
                self.succeed(*arguments, "--engine", engine, "--threads", 3, "--out", f"{of}-{engine}")
                self.assertEqual(self.array_bytes(f"{of}-one"), self.array_bytes(f"{of}-{engine}"))

    def test_shards_and_what_comes_later_give_the_bytes_of_one_run(self):
        queries, keys, files = self.heads(heads=4)
        for extra in ([], ["--of", "matrices", "--sketch-columns", 30, "--seed", 5]):
            self.succeed("eigen", *files, "--window", 10, *extra, "--save", "whole.hkc", "--out", "whole", "--quiet")
            for name, part in (("a", slice(0, 1)), ("b", slice(1, 3)), ("c", slice(3, 4))):
                self.save(f"q{name}.npy", queries[part])
                self.save(f"k{name}.npy", keys[part])
            part = lambda name: ["--queries", f"q{name}.npy", "--keys", f"k{name}.npy", "--window", 10, *extra]
            self.succeed("eigen", *part("a"), "--save", "a.hkc", "--quiet")
            self.succeed("eigen", *part("b"), "--save", "b.hkc", "--quiet")
            self.succeed("eigen", *part("c"), "--from", "b.hkc", "--save", "bc.hkc", "--quiet")
            of = extra[:2]
            self.succeed("eigen", "--from", "bc.hkc", "a.hkc", *of, "--save", "abc.hkc", "--out", "abc", "--quiet")
            self.assertEqual((self.folder / "abc.hkc").read_bytes(), (self.folder / "whole.hkc").read_bytes())
            self.assertEqual(self.array_bytes("abc"), self.array_bytes("whole"))

    def test_bad_states(self):
        _, _, files = self.heads()
        self.succeed("eigen", *files, "--window", 10, "--save", "a.hkc", "--quiet")
        self.succeed("eigen", *files, "--window", 5, "--save", "b.hkc", "--quiet")
        self.fail_with("eigen", "--from", "a.hkc", "b.hkc", words=["b.hkc", "dim 10", "dim 5"])
        self.fail_with("eigen", *files, "--window", 5, "--from", "a.hkc", words=["5 elements", "a.hkc have 10"])
        self.fail_with("eigen", "--from", "a.hkc", "--seed", 3, words=["a.hkc", "seed 0"])
        self.fail_with("eigen", *files, "--each-head", "--save", "c.hkc", words=["--each-head"])
        self.fail_with("eigen", *files, "--save", "no/c.hkc", words=["no"])
        (self.folder / "bad.hkc").write_bytes((self.folder / "a.hkc").read_bytes()[:-1])
        self.fail_with("eigen", "--from", "bad.hkc", words=["bad.hkc", "not intact"])
        done = self.run_command("eigen", "--from", "none.hkc")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"none.hkc", done.stderr)

    def test_overlap_of_a_result_with_itself_and_another(self):
        queries, keys, files = self.heads()
        self.succeed("eigen", *files, "--window", 10, "--out", "a", "--quiet")
        swapped = ["--queries", files[3], "--keys", files[1]]
        self.succeed("eigen", *swapped, "--window", 10, "--out", "b", "--quiet")
        same = json.loads(self.succeed("overlap", "a", "a", "--components", 4, "--json"))
        self.assertAlmostEqual(same["overlap"], 1)
        both = json.loads(self.succeed("overlap", "a", "b", "--components", 4, "--json"))
        a, b = (self.result(name, "components") for name in "ab")
        self.assertAlmostEqual(both["overlap"], ((a[:4] @ b[:4].T) ** 2).sum() / 4)
        matrices = score_matrices(keys, queries, 10, 1 / np.sqrt(6)).reshape(-1, 10)
        cov = np.cov(matrices.T, bias=True)
        captured = np.trace(a[:4] @ cov @ a[:4].T) / np.trace(cov)
        self.assertAlmostEqual(both["variance_of_b_captured_by_a"], captured)
        shown = self.succeed("overlap", "a", "b")
        self.assertIn("of the variance of b", shown)

    def test_the_captured_heads(self):
        files = [f"--{role}={DATA}/heads.safetensors:{role[0]}" for role in ("queries", "keys")]
        said = json.loads(self.succeed("eigen", *files, "--json"))
        self.assertEqual(said["samples"], 12 * 256)
        self.assertEqual(said["dim"], 256)
        shown = self.succeed("eigen", *files, "--each-head")
        self.assertIn("head 11", shown)

    def test_bad_input(self):
        _, _, files = self.heads()
        wide = self.save("wide.npy", np.zeros((3, 50, 7), np.float32))
        short = self.save("short.npy", np.zeros((3, 40, 6), np.float32))
        oblong = self.save("oblong.npy", np.zeros((2, 3, 4)))
        self.fail_with("eigen", words=["--queries", "--scores"])
        self.fail_with("eigen", "--queries", files[1], words=["--queries", "--keys"])
        self.fail_with("eigen", *files, "--scores", oblong, words=["--scores"])
        self.fail_with("eigen", "--scores", oblong, words=[oblong, "3 x 4", "not square"])
        self.fail_with("eigen", "--queries", files[1], "--keys", wide, words=["3 x 50 x 7", "not be square"])
        self.fail_with("eigen", "--queries", files[1], "--keys", short, words=["3 x 40 x 6"])
        self.fail_with("eigen", *files, "--window", 51, words=["51", "50"])
        self.fail_with("eigen", *files, "--window", 0, words=["no score matrix"])
        self.fail_with("eigen", *files, "--window", 10, "--sketch-columns", 10, words=["sketch_columns is 10"])
        self.fail_with("eigen", *files, "--of", "columns", words=["columns"])
        self.fail_with("eigen", *files, "--engine", "abacus", words=["abacus"])
        bad = np.zeros((3, 50, 6), np.float32)
        bad[1, 23, 4] = np.nan
        self.fail_with("eigen", "--queries", self.save("bad.npy", bad), "--keys", files[3], "--window", 10,
                       words=["bad.npy, head 1", "NaN at row 23, column 4"])
        scores = np.zeros((2, 3, 3))
        scores[1, 2, 0] = np.inf
        self.fail_with("eigen", "--scores", self.save("inf.npy", scores), words=["matrix 1", "+Inf at row 2, column 0"])

    def test_options_that_have_no_meaning(self):
        _, _, files = self.heads()
        scores = self.save("s.npy", np.zeros((2, 6, 6)))
        self.succeed("eigen", *files, "--window", 10, "--save", "a.hkc", "--quiet")
        for extra in (["--normalisation", "softmax"], ["--window", 3], ["--scale", 2], ["--causal"], ["--each-head"]):
            self.fail_with("eigen", "--scores", scores, *extra, words=[extra[0], "--keys"])
            if extra != ["--each-head"]:
                self.fail_with("eigen", "--from", "a.hkc", *extra, words=[extra[0], "--keys"])
        self.fail_with("eigen", *files, "--scale", 0, words=["--scale"])
        self.fail_with("eigen", "--from", "a.hkc", "--of", "matrices", "--out", "m", words=["a.hkc", "10", "square"])

    def test_bad_folders(self):
        _, _, files = self.heads()
        (self.folder / "mine").mkdir()
        (self.folder / "mine" / "thesis.txt").write_text("")
        self.fail_with("eigen", *files, "--out", "mine", words=["thesis.txt", "heavykeys eigen"])
        self.fail_with("overlap", "mine", "mine", words=["mean.npy"])
        self.succeed("eigen", *files, "--window", 10, "--out", "a", "--quiet")
        self.succeed("eigen", *files, "--window", 5, "--out", "b", "--quiet")
        self.fail_with("overlap", "a", "b", words=["b: components of 5 elements", "a have 10"])
        self.fail_with("overlap", "a", "a", "--components", 11, words=["first 11 of 10"])
        components, variances = self.result("a", "components"), self.result("a", "variances")
        self.save("a/variances.npy", -variances[::-1])
        self.fail_with("overlap", "a", "a", words=["a", "variances[0]"])
        self.save("a/variances.npy", variances[:4])
        self.save("a/components.npy", np.ascontiguousarray(components[:4].T))
        self.fail_with("overlap", "a", "a", words=["4 components"])
        (self.folder / "a" / "variances.npy").write_bytes(b"\x93NUMPY")
        self.fail_with("overlap", "a", "b", words=["variances.npy"])


if __name__ == "__main__":
    unittest.main()
