"""heavykeys reconstruct against the formula of the linear estimate."""

import json
import unittest

import numpy as np

from command import CommandTest


class ReconstructTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.queries = self.rng.standard_normal((3, 60, 6))
        self.keys = self.rng.standard_normal((3, 60, 6))
        self.keys[:, :, 0] += 2
        self.files = ["--queries", self.save("q.npy", self.queries), "--keys", self.save("k.npy", self.keys)]
        self.files += ["--window", 10]

    def samples(self, width):
        q, k = (x.reshape(18, 10, 6) for x in (self.queries, self.keys))
        return (q @ k.transpose(0, 2, 1) / np.sqrt(6)).reshape(-1, width)

    def test_errors_are_those_of_the_formula(self):
        for of, width in [("rows", 10), ("matrices", 100)]:
            self.succeed("eigen", *self.files, "--of", of, "--out", of, "--quiet")
            x = self.samples(width)
            # 0.1: 18 matrices span 17 of their 100 dimensions.
            found = json.loads(
                self.succeed("reconstruct", of, "--computed", "4,7", "--choice", "strided", "--ridge", 0.1, *self.files, "--json")
            )
            self.assertEqual((found["of"], found["dim"]), (of, width))
            for one, s in zip(found["reconstructors"], (4, 7), strict=True):
                self.assertEqual((one["computed"], one["share"]), (s, s / width))
                elements = (2 * np.arange(s) + 1) * width // (2 * s)
                c = np.cov(x.T, bias=True)
                damped = c[np.ix_(elements, elements)] + 0.1 * np.trace(c) / width * np.eye(s)
                estimate = x.mean(0) + (x[:, elements] - x.mean(0)[elements]) @ np.linalg.solve(damped, c[elements])
                estimate[:, elements] = x[:, elements]
                error = ((x - estimate) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()
                self.assertAlmostEqual(one["measured_error"], error, delta=1e-8)
                self.assertAlmostEqual(one["predicted_error"], error, delta=1e-8)  # the samples of the components

    def test_a_table_and_a_file(self):
        self.succeed("eigen", *self.files, "--out", "c", "--quiet")
        shown = self.succeed("reconstruct", "c", "--computed", "2,10", "--estimator", "least-squares")
        self.assertIn("predicted error", shown)
        self.assertNotIn("measured", shown)
        self.assertEqual(shown.splitlines()[2].split()[:2], ["10", "100.0%"])
        self.assertIn("measured error", self.succeed("reconstruct", "c", "--computed", 2, *self.files, "--out", "r.hkr"))
        self.assertEqual((self.folder / "r.hkr").read_bytes()[:8], b"HEAVYREC")

    def test_what_does_not_belong_together(self):
        self.succeed("eigen", *self.files, "--out", "c", "--quiet")
        self.fail_with("reconstruct", "c", "--computed", 11, words=["c: computed: 11 of 10 elements"])
        self.fail_with("reconstruct", "c", "--computed", 2, "--ridge", 3, words=["ridge 3"])
        self.fail_with("reconstruct", "c", "--computed", "2,3", "--out", "r", words=["--out: 2 reconstructors"])
        self.fail_with("reconstruct", "c", "--computed", 2, "--keys", self.path("k.npy"), words=["--queries"])
        self.fail_with("reconstruct", "c", "--computed", 2, *self.files[:4], "--window", 12, words=["12 x 12", "10 elements"])
        self.fail_with("reconstruct", "nowhere", "--computed", 2, words=["nowhere/mean.npy"])
        scores = self.save("s.npy", np.zeros((2, 10, 9)))
        self.fail_with("reconstruct", "c", "--computed", 2, "--scores", scores, words=["s.npy", "10 x 9", "not square"])

    def test_sources_go_together(self):
        self.succeed("eigen", *self.files, "--out", "c", "--quiet")
        scores = self.save("s.npy", np.zeros((2, 10, 10)))
        for option in ("--queries", "--keys"):
            other = self.path(option[2] + ".npy")
            for more in ([], ["--scores", scores]):
                words = ["--queries and --keys go together"]
                self.fail_with("reconstruct", "c", "--computed", 2, option, other, *more, words=words)
        both = [*self.files, "--scores", scores]
        self.fail_with("reconstruct", "c", "--computed", 2, *both, words=["give --queries and --keys, or --scores"])

    def test_scores_are_of_the_kind_of_the_components(self):
        self.succeed("eigen", *self.files, "--scale", 0.25, "--out", "c", "--quiet")
        measure = ["reconstruct", "c", "--computed", "4", *self.files]

        def error(*options):
            return json.loads(self.succeed(*measure, *options, "--json"))["reconstructors"][0]["measured_error"]

        def tell(**fields):
            path = self.folder / "c" / "summary.json"
            summary = json.loads(path.read_text())
            for name in ("normalisation", "scale"):
                summary.pop(name, None)
            path.write_text(json.dumps({**summary, **fields}))

        tell()  # nothing is known: what is asked for
        expected = error("--scale", 0.25)
        self.assertNotEqual(error(), expected)
        self.assertNotEqual(error("--scale", 0.5), expected)
        tell(normalisation="none", scale=0.25)
        self.assertEqual(error(), expected)
        self.assertEqual(error("--scale", 0.25), expected)
        self.fail_with(*measure, "--scale", 0.5, words=["c: components of scores with the scale 0.25; --scale is 0.5"])
        tell(normalisation="softmax", scale=0.25)
        self.fail_with(*measure, words=["c: components of scores after softmax"])
        self.succeed(*measure[:4])
        self.succeed(*measure[:4], "--scores", self.save("s.npy", self.rng.standard_normal((2, 10, 10))))
        tell(normalisation=3)
        self.fail_with(*measure, words=["summary.json: normalisation is 3"])
        tell(scale="large")
        self.fail_with(*measure, words=['summary.json: scale is "large"'])


if __name__ == "__main__":
    unittest.main()
