"""Every score through the command line, against NumPy on the gridded keys: sets, modes, bounds, the second pass."""

import json
import unittest

import numpy as np

from command import CommandTest
from reference import grid_bits, gridded, spiked_keys

EPSILON = 0.05
SCORES = {
    # score: (f, route, whether weights are exact without a second pass)
    "power:2": (lambda x: x**2, "exact", True),
    "power:4": (lambda x: x**4, "lift", True),
    "power:6": (lambda x: x**6, "lift", True),
    "polynomial:0,1,0.5": (lambda x: x**2 + 0.5 * x**4, "lift", True),
    "polynomial:2,0,1": (lambda x: 2 + x**4, "lift", True),
    "power:3": (lambda x: np.abs(x) ** 3, "lift", False),
    "power:1.8": (lambda x: np.abs(x) ** 1.8, "lift", False),
    "power:1": (np.abs, "onion", False),
    "power:0.5": (lambda x: np.sqrt(np.abs(x)), "onion", False),
    "expressive": (lambda x: x**2 / (1 + x**2), "onion", False),
    "power:11": (lambda x: np.abs(x) ** 11, "lewis", False),
}
OPEN = [score for score, (_, _, exact) in SCORES.items() if not exact]


def weights(score, queries, keys, causal=False):
    """[m, n]; the rows of queries that no key answers are 0."""
    f = SCORES[score][0](np.asarray(queries, np.float64) @ keys.T)
    m, n = f.shape
    if causal:
        f = np.where(np.arange(n)[None, :] <= np.arange(m)[:, None] + (n - m), f, 0.0)
    total = f.sum(axis=1, keepdims=True)
    return np.divide(f, total, out=np.zeros_like(f), where=total > 0)


class ScoreTest(CommandTest):
    def setUp(self):
        super().setUp()
        # Two blocks of the grid. Few keys are large enough to be heavy under every score, |x|^(1/2) too; the many
        # small ones leave bounds apart.
        keys = self.rng.standard_normal((5000, 4)) * 10 ** self.rng.uniform(-6, -4, (5000, 1))
        keys[self.rng.choice(5000, 8, replace=False)] = self.rng.standard_normal((8, 4)) * 40
        self.keys = keys.astype(np.float32)
        self.grid = gridded(self.keys, grid_bits(np.float32))
        self.queries = np.concatenate(
            [self.rng.standard_normal((12, 4)), self.keys[np.argsort(-np.abs(self.keys).max(axis=1))[:12]]]
        ).astype(np.float32)
        self.save("k.npy", self.keys)
        self.save("q.npy", self.queries)
        self.common = ["--keys", "k.npy", "--epsilon", EPSILON, "--out", "r"]
        self.asked = [*self.common, "--queries", "q.npy"]

    def entries(self, folder="r"):
        """[(query, key)], weights, bounds."""
        indptr = self.result(folder, "heavy_indptr")
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        return (
            np.stack([rows, self.result(folder, "heavy_keys")], axis=1),
            self.result(folder, "heavy_weights"),
            self.result(folder, "heavy_bounds"),
        )

    def assert_bounded(self, folder, true):
        """What is listed is bounded rightly; returns what is listed, [m, n]."""
        pairs, found, bounds = self.entries(folder)
        w = true[pairs[:, 0], pairs[:, 1]]
        slack = 1e-12
        self.assertTrue(np.all(bounds[:, 0] <= w + slack) and np.all(w <= bounds[:, 1] + slack))
        self.assertTrue(np.all(bounds[:, 0] <= found) and np.all(found <= bounds[:, 1]))
        listed = np.zeros(true.shape, bool)
        listed[pairs[:, 0], pairs[:, 1]] = True
        return listed

    def assert_exact(self, folder, true):
        listed = self.assert_bounded(folder, true)
        np.testing.assert_array_equal(listed, true >= EPSILON)
        _, _, bounds = self.entries(folder)
        self.assertTrue(np.all(bounds[:, 1] - bounds[:, 0] <= 1e-10))

    def test_every_score(self):
        for score, (_, route, exact) in SCORES.items():
            with self.subTest(score):
                summary = self.find_json(*self.asked, "--score", score)
                self.assertEqual((summary["score"], summary["route"]), (score, route))
                self.assertEqual((summary["mode"], summary["confidence"]), ("no-false-negatives", 0.0))
                self.assertEqual("sample_rows" in summary, not exact)
                true = weights(score, self.queries, self.grid)
                universal = self.result("r", "universal_set")
                self.assertLessEqual(len(universal), summary["universal_set"]["bound"])
                self.assertTrue(np.all(np.isin(np.nonzero(true >= EPSILON)[1], universal)))
                layer = self.result("r", "layer")
                self.assertEqual((layer.dtype, layer.shape), (np.int32, universal.shape))
                self.assertTrue(np.all(layer >= 1))
                if route != "onion":
                    self.assertTrue(np.all(layer == 1))
                listed = self.assert_bounded("r", true)
                self.assertTrue(np.all(listed[true >= EPSILON]), "a heavy key is missed")
                self.assertGreater((true >= EPSILON).sum(), 0)
                if exact:
                    self.assert_exact("r", true)

    def test_lifts_say_how_many_coordinates(self):
        for score, coordinates in [("power:3", 10), ("power:6", 20), ("polynomial:0,1,0.5", 14), ("polynomial:2,0,1", 11)]:
            summary = self.find_json(*self.common, "--score", score)
            self.assertEqual((summary["lift_coordinates"], summary["rank"]), (coordinates, coordinates))
            self.assertIn(f"lift, {coordinates} coordinates", self.succeed("find", *self.common, "--score", score))
        self.assertNotIn("lift_coordinates", self.find_json(*self.common))

    def test_modes(self):
        for score in OPEN:
            with self.subTest(score):
                true = weights(score, self.queries, self.grid)
                summary = self.find_json(*self.asked, "--score", score, "--mode", "no-false-positives")
                self.assertEqual(summary["mode"], "no-false-positives")
                listed = self.assert_bounded("r", true)
                self.assertTrue(np.all(true[listed] >= EPSILON * (1 - 1e-12)))
                bounds = self.result("r", "heavy_bounds")
                self.assertTrue(np.all(bounds[:, 0] >= EPSILON))

    def test_confidence_narrows(self):
        width = {}
        for more in [[], ["--confidence", 0.01], ["--confidence", 0.01, "--seed", 5], ["--confidence", 0.01, "--sample-rows", 4000]]:
            summary = self.find_json(*self.asked, "--score", "expressive", *more)
            pairs, _, bounds = self.entries()
            width[tuple(more)] = {tuple(p): b[1] - b[0] for p, b in zip(pairs, bounds)}
            self.assert_bounded("r", weights("expressive", self.queries, self.grid))
        self.assertEqual((summary["confidence"], summary["sample_rows"], summary["seed"]), (0.01, 4000, 0))
        certified, narrow, other, large = width.values()
        self.assertTrue(narrow and all(narrow[p] <= certified[p] * (1 + 1e-9) for p in narrow))
        self.assertLess(sum(large.values()), sum(certified[p] for p in large) + 1e-9)
        self.assertNotEqual(narrow, other)

    def test_verify(self):
        for score in SCORES:
            for causal in [False, True]:
                for mode in ["no-false-negatives", "no-false-positives"]:
                    with self.subTest(score=score, causal=causal, mode=mode):
                        arguments = [*self.asked, "--score", score, "--mode", mode] + ["--causal"] * causal
                        summary = self.find_json(*arguments, "--verify")
                        self.assert_exact("r", weights(score, self.queries, self.grid, causal))
                        verified = summary["heavy_entries"]["verified_queries"]
                        if SCORES[score][2]:
                            self.assertEqual(verified, 0)
                        elif SCORES[score][1] == "onion":  # under |x|^3 the small keys weigh next to nothing
                            self.assertGreater(verified, 0)
                        before = self.array_bytes("r")
                        for engine in ["streaming", "openmp"]:
                            self.succeed("find", *arguments, "--verify", "--engine", engine, "--quiet")
                            self.assertEqual(self.array_bytes("r"), before)

    def test_verify_heads(self):
        keys = np.stack([self.keys, self.keys[::-1]]).astype(np.float16)
        self.save("k.npy", keys)
        for causal in [[], ["--causal"]]:
            summary = self.find_json(*self.asked, "--score", "power:1", "--verify", *causal)
            for h in range(2):
                grid = gridded(keys[h].astype(np.float64), grid_bits(np.float16))
                self.assert_exact(f"r/head-00{h}", weights("power:1", self.queries, grid, bool(causal)))
                self.assertGreater(summary["heads"][h]["heavy_entries"]["verified_queries"], 0)
        self.assertIn("head", self.succeed("find", *self.asked, "--score", "power:1", "--verify"))

    def test_the_table_shows_bounds_that_are_wide(self):
        text = self.succeed("find", *self.asked, "--score", "power:1")
        self.assertIn("at least .. at most", text)
        self.assertIn("route           onion, 4 coordinates", text)
        for more in [["--score", "power:1", "--verify"], ["--score", "power:4"]]:
            self.assertNotIn("at least", self.succeed("find", *self.asked, *more))
        self.assertIn("queries verified", self.succeed("find", *self.asked, "--score", "power:1", "--verify"))

    def test_causal(self):
        for score, (_, _, exact) in SCORES.items():
            with self.subTest(score):
                self.find_json(*self.asked, "--score", score, "--causal")
                true = weights(score, self.queries, self.grid, causal=True)
                listed = self.assert_bounded("r", true)
                self.assertTrue(np.all(listed[true >= EPSILON]))
                if exact:
                    self.assert_exact("r", true)

    def test_sketch_merge_finalize(self):
        for score, (_, route, _) in SCORES.items():
            with self.subTest(score):
                more = ["--score", score, "--sample-rows", 300, "--seed", 9]
                make = ["sketch", "--keys", "k.npy", "--epsilon", EPSILON, *more]
                self.succeed(*make, "--rows", "0:1700", "--out", "a.hks")
                self.succeed(*make, "--rows", "1700:5000", "--out", "b.hks")
                self.succeed("merge", "b.hks", "a.hks", "--out", "c.hks")
                self.succeed("sketch", "--keys", "k.npy", "--resume", "a.hks", "--out", "d.hks")
                shown = json.loads(self.succeed("show", "c.hks", "--json"))
                self.assertEqual((shown["score"], shown["route"], shown["sample_rows"], shown["seed"]),
                                 (score, route, 300, 9))
                self.assertIn(f"score={score}", self.succeed("show", "c.hks"))
                options = ["--queries", "q.npy", "--mode", "no-false-positives", "--confidence", 0.1, "--quiet"]
                self.succeed("find", *self.common, *more, *options)
                # With arrival weights U depends on how the keys came.
                for state in ["d.hks"] if route == "lewis" else ["c.hks", "d.hks"]:
                    self.succeed("finalize", state, *options, "--out", "s")
                    self.assertEqual(self.array_bytes("s"), self.array_bytes("r"))

    def test_scan_mode(self):
        keys = self.save("ties.npy", np.array([[1.0], [-1.0], [1.0], [1.0]]))
        query = self.save("one.npy", np.array([[3.0]]))
        for mode, most in [("no-false-negatives", 4), ("no-false-positives", 4)]:
            summary = json.loads(self.succeed("scan", "--keys", keys, "--queries", query, "--score", "power:1",
                                              "--epsilon", 0.25, "--mode", mode, "--out", "r", "--json"))
            self.assertEqual(summary["mode"], mode)
            bounds = self.result("r", "heavy_bounds")
            if mode == "no-false-negatives":
                self.assertEqual(len(bounds), most)
            self.assertTrue(np.all(bounds[:, int(mode == "no-false-negatives")] >= 0.25))


class ErrorTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.save("k.npy", spiked_keys(self.rng, 100, 4, np.float32, 3))
        self.save("q.npy", np.ones((2, 4), np.float32))
        self.find = ["find", "--keys", "k.npy", "--queries", "q.npy", "--epsilon", 0.1, "--out", "r"]

    def test_softmax_says_why_and_points_to_scan(self):
        for command in [self.find, ["sketch", "--keys", "k.npy", "--epsilon", 0.1, "--out", "s.hks"]]:
            for score in ["softmax", "softmax:0.125"]:
                self.fail_with(*command, "--score", score, words=["softmax", "no universal set", "scan"])

    def test_scores(self):
        for score in ["power:", "power:x", "power:0", "power:65", "expressive:1", "polynomial:1", "polynomial:1,-1",
                      "polynomial:0,0,0,0,0,1", "custom:f", "cosine", ""]:
            for command in [self.find, ["sketch", "--keys", "k.npy", "--epsilon", 0.1, "--out", "s.hks"]]:
                self.fail_with(*command, "--score", score, words=["score"])
        self.save("k.npy", np.ones((3, 200), np.float32))
        self.fail_with(*self.find, "--score", "polynomial:0,0,0,1", words=["k.npy", "200", "2100"])

    def test_modes_and_confidence(self):
        for command in [self.find, ["finalize", "s.hks"],
                        ["scan", "--keys", "k.npy", "--queries", "q.npy", "--epsilon", 0.1, "--score", "softmax"]]:
            for mode in ["exact", "", "no_false_negatives"]:
                self.fail_with(*command, "--mode", mode, words=["--mode", "no-false-positives"])
        for confidence in ["0", "1", "-0.1", "2", "nan", "x", ""]:
            self.fail_with(*self.find, "--confidence", confidence, words=["--confidence"])
            self.fail_with("finalize", "s.hks", "--confidence", confidence, words=["--confidence"])
        self.fail_with("find", "--keys", "k.npy", "--epsilon", 0.1, "--confidence", 0.1,
                       words=["--confidence", "--queries"])
        self.fail_with(*self.find, "--confidence", 0.1, "--sample-rows", 0, words=["--sample-rows"])

    def test_samples(self):
        for option, values in [("--sample-rows", ["-1", "x", "1048577"]), ("--seed", ["-1", "x"])]:
            for value in values:
                word = "sample_rows" if value == "1048577" else option
                self.fail_with(*self.find, option, value, words=[word])
                self.fail_with("sketch", "--keys", "k.npy", "--epsilon", 0.1, "--out", "s.hks", option, value,
                               words=[word])

    def test_verify(self):
        self.fail_with("find", "--keys", "k.npy", "--epsilon", 0.1, "--verify", words=["--verify", "--queries"])
        self.fail_with("find", "--keys", "-", "--queries", "q.npy", "--epsilon", 0.1, "--verify",
                       words=["--verify", "stdin"])
        self.fail_with(*self.find, "--verify", "--confidence", 0.1, words=["--verify", "--confidence"])
        # Queries may come from stdin: they are held in memory.
        stdin = (self.folder / "q.npy").read_bytes()
        find = [*self.find[:4], "-", *self.find[5:]]
        self.succeed(*find, "--score", "power:1", "--verify", "--quiet", stdin=stdin)

    def test_resume_with_other_options(self):
        self.succeed("sketch", "--keys", "k.npy", "--epsilon", 0.1, "--score", "expressive", "--rows", "0:50",
                     "--sample-rows", 10, "--seed", 3, "--out", "s.hks")
        resume = ["sketch", "--keys", "k.npy", "--resume", "s.hks", "--out", "m.hks"]
        for option, value, words in [("--score", "power:2", ["expressive", "power:2"]), ("--seed", 4, [3, 4]),
                                     ("--sample-rows", 11, [10, 11])]:
            self.fail_with(*resume, option, value, words=["s.hks", *words])
        self.succeed(*resume, "--score", "expressive", "--seed", 3, "--sample-rows", 10)


if __name__ == "__main__":
    unittest.main()
