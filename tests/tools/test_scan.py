"""heavykeys scan against NumPy, and against itself by every other way to ask for it."""

import json
import unittest

import numpy as np

from command import DATA, CommandTest
from reference import read_safetensors, spiked_keys, to_bfloat16, write_safetensors

EPSILON = 0.02
SCORES = {
    "softmax:0.25": lambda x: np.exp(0.25 * x - np.max(0.25 * x, axis=1, keepdims=True)),
    "softmax": lambda x: np.exp(x - np.max(x, axis=1, keepdims=True)),
    "softmax:-2.5e2": lambda x: np.exp(-250 * x - np.max(-250 * x, axis=1, keepdims=True)),
    "power:2": lambda x: x**2,
    "power:0.5": lambda x: np.sqrt(np.abs(x)),
    "power:3": lambda x: np.abs(x) ** 3,
    "power:64": lambda x: (np.abs(x) / np.maximum(np.max(np.abs(x), axis=1, keepdims=True), 1e-300)) ** 64,
    "expressive": lambda x: x**2 / (1 + x**2),
    "polynomial:1,0,2": lambda x: 1 + 2 * x**4,
}


def scores(name, queries, keys, causal=False):
    """[m, n] weights; the rows of queries that no key answers are 0."""
    x = np.asarray(queries, np.float64) @ np.asarray(keys, np.float64).T
    m, n = x.shape
    seen = np.ones((m, n), bool)
    if causal:
        seen = np.arange(n)[None, :] <= np.arange(m)[:, None] + (n - m)
    result = np.zeros((m, n))
    for i in range(m):
        if seen[i].any():
            f = SCORES[name](x[i : i + 1, seen[i]])
            total = f.sum()
            if total > 0:
                result[i, seen[i]] = f[0] / total
    return result


class ScanTest(CommandTest):
    def scan(self, score, *arguments, stdin=b"", out="r"):
        text = self.succeed(
            "scan", "--score", score, "--epsilon", EPSILON, *arguments, "--out", out, "--json", stdin=stdin
        )
        self.assertEqual(text.encode(), (self.folder / out / "summary.json").read_bytes())
        return json.loads(text)

    def assert_scanned(self, folder, weights):
        """As assert_heavy; float64 NumPy is right to 1e-9 here, the bounds to more."""
        self.assert_heavy(folder, weights, EPSILON, rtol=1e-9)
        found = self.result(folder, "heavy_weights")
        low, high = self.result(folder, "heavy_bounds").T
        self.assertTrue(np.all(low <= found) and np.all(found <= high))
        self.assertTrue(np.all(high - low <= 1e-10 * found))

    def test_a_tolerance_widens_the_bounds_and_no_more(self):
        keys, queries = self.rng.normal(size=(3000, 48)), self.rng.normal(size=(30, 48))
        inputs = ("--keys", self.save("k.npy", keys), "--queries", self.save("q.npy", queries))
        self.assertEqual(self.scan("softmax:0.25", *inputs)["tolerance"], 1e-10)
        summary = self.scan("softmax:0.25", *inputs, "--tolerance", "0.03", out="loose")
        self.assertEqual(summary["tolerance"], 0.03)
        weights = scores("softmax:0.25", queries, keys)
        found, index = self.result("loose", "heavy_weights"), self.result("loose", "heavy_keys")
        low, high = self.result("loose", "heavy_bounds").T
        row = np.repeat(np.arange(30), np.diff(self.result("loose", "heavy_indptr")))
        self.assertGreater(np.max((high - low) / found), 1e-5)
        self.assertLessEqual(np.max((high - low) / found), 0.03)
        self.assertTrue(np.all(low <= weights[row, index]) and np.all(weights[row, index] <= high))
        self.assertGreaterEqual(set(zip(row, index)), set(zip(*np.nonzero(weights >= EPSILON))))
        self.assertTrue(np.all(weights[row, index] >= (1 - 0.03) * EPSILON))

    def test_tolerances_that_no_scan_has_are_refused(self):
        inputs = ("--keys", self.save("k.npy", np.eye(3)), "--queries", self.save("q.npy", np.eye(3)))
        for tolerance in ("0", "0.2", "1e-11", "nan"):
            self.fail_with(
                "scan", "--score", "softmax", "--epsilon", EPSILON, *inputs, "--tolerance", tolerance,
                words=["tolerance"],
            )

    def test_every_score_and_dtype(self):
        found = 0
        for score, dtype in zip(SCORES, [np.float16, np.float32, np.float64] * 3):
            keys = spiked_keys(self.rng, 3000, 8, np.float32) / 8
            queries = self.rng.standard_normal((33, 8))
            queries[7] = 0
            keys, queries = keys.astype(dtype), queries.astype(dtype)
            with self.subTest(score=score, dtype=dtype):
                inputs = ["--keys", self.save("k.npy", keys), "--queries", self.save("q.npy", queries)]
                summary = self.scan(score, *inputs)
                self.assert_scanned("r", scores(score, queries, keys))
                self.assertEqual(
                    {p.name for p in (self.folder / "r").iterdir()},
                    {f"heavy_{name}.npy" for name in ["indptr", "keys", "weights", "bounds"]} | {"summary.json"},
                )
                self.assertEqual((summary["verb"], summary["n"], summary["d"]), ("scan", 3000, 8))
                self.assertNotIn("universal_set", summary)
                found += summary["heavy_entries"]["entries"]
                self.scan(score, *inputs, "--causal", out="c")
                self.assert_scanned("c", scores(score, queries, keys, causal=True))
        self.assertGreater(found, 500)

    def test_bfloat16_and_logits_of_ten_thousand(self):
        bits, keys = to_bfloat16(self.rng.standard_normal((2000, 16)) * 50)
        queries = self.rng.integers(-40, 40, (20, 16)).astype(np.float64)  # exact products
        write_safetensors(self.folder / "k.safetensors", {"k": ("BF16", bits)})
        self.scan("softmax", "--keys", "k.safetensors:k", "--queries", self.save("q.npy", queries))
        weights = scores("softmax", queries, keys)
        self.assertGreater(np.abs(queries @ keys.T).max(), 1e4)
        self.assert_scanned("r", weights)

    def test_same_bytes_from_engines_threads_and_stdin(self):
        self.save("k.npy", spiked_keys(self.rng, 30000, 6, np.float32))
        queries = self.save("q.npy", self.rng.standard_normal((50, 6)).astype(np.float32))
        stdin = (self.folder / "k.npy").read_bytes()
        common = ["--queries", queries, "--keys"]
        self.scan("softmax", *common, "k.npy", "--engine", "streaming", out="one")
        want = self.array_bytes("one")
        for engine in json.loads(self.succeed("engines", "--json"))["engines"]:
            for threads in [1, 2, 3] if engine["name"] != "streaming" else [1]:
                for keys in ["k.npy", "-"] if engine["name"] != "mpi" else ["k.npy"]:
                    summary = self.scan(
                        "softmax", *common, keys, "--engine", engine["name"], "--threads", threads, stdin=stdin
                    )
                    self.assertEqual(self.array_bytes("r"), want)
                    self.assertEqual(summary["run"]["engine"], engine["name"])
        self.scan("softmax", "--keys", "k.npy", "--queries", "-", stdin=(self.folder / "q.npy").read_bytes())
        self.assertEqual(self.array_bytes("r"), want)

    def test_heads(self):
        keys = np.stack([spiked_keys(self.rng, 600, 8, np.float32) / 8 for _ in range(3)])
        self.save("k.npy", keys)
        for name, shape in [("own", (3, 10, 8)), ("shared", (10, 8))]:
            queries = self.rng.standard_normal(shape).astype(np.float32)
            self.save("q.npy", queries)
            whole = self.scan("softmax", "--keys", "k.npy", "--queries", "q.npy", out=name)
            self.assertEqual([h["head"] for h in whole["heads"]], [0, 1, 2])
            for h in range(3):
                self.assert_scanned(
                    f"{name}/head-00{h}", scores("softmax", queries[h] if name == "own" else queries, keys[h])
                )
            stdin = (self.folder / "k.npy").read_bytes()
            self.scan("softmax", "--keys", "-", "--queries", "q.npy", out=name + "-stdin", stdin=stdin)
            self.assertEqual(self.array_bytes(name + "-stdin"), self.array_bytes(name))
            self.assertIn("head", self.succeed("scan", "--keys", "k.npy", "--queries", "q.npy", "--epsilon",
                                               EPSILON, "--score", "softmax"))

    def test_real_data_and_tokens(self):
        keys, queries = (read_safetensors(DATA / "heads.safetensors", name) for name in "kq")
        inputs = ["--keys", f"{DATA}/heads.safetensors:k", "--queries", f"{DATA}/heads.safetensors:q"]
        whole = self.scan("softmax:0.25", *inputs, "--causal", "--tokens", DATA / "heads.tokens.txt")
        tokens = (DATA / "heads.tokens.txt").read_text(encoding="utf-8").split("\n")
        for h in range(len(keys)):
            self.assert_scanned(f"r/head-{h:03}", scores("softmax:0.25", queries[h], keys[h], causal=True))
            for entry in whole["heads"][h]["heavy_entries"]["top"]:
                self.assertEqual(entry["token"], tokens[entry["key"]])
                self.assertEqual(entry["query_token"], tokens[entry["query"]])


class AuditTest(CommandTest):
    def setUp(self):
        super().setUp()
        sizes = np.exp(self.rng.uniform(-1, 1, (2000, 1)))  # neither all nor none of the heavy keys are large
        self.keys = (self.rng.standard_normal((2000, 8)) * sizes).astype(np.float32)
        self.queries = self.rng.standard_normal((30, 8)).astype(np.float32)
        self.common = ["scan", "--keys", self.save("k.npy", self.keys), "--queries",
                       self.save("q.npy", self.queries), "--epsilon", EPSILON, "--score", "softmax"]

    def expected(self, weights, ids):
        heavy = weights >= EPSILON
        inside = np.isin(np.arange(weights.shape[1]), ids)
        count, covered = heavy.sum(axis=1), (heavy & inside).sum(axis=1)
        mass, held = (weights * heavy).sum(axis=1), (weights * (heavy & inside)).sum(axis=1)
        ones = np.ones(len(weights))
        return (np.divide(covered, count, out=ones.copy(), where=count > 0),
                np.divide(held, mass, out=ones.copy(), where=mass > 0),
                covered.sum() / count.sum(), held.sum() / mass.sum())

    def check(self, folder, audit, weights, ids):
        by_query, by_weight, share, weight_share = self.expected(weights, ids)
        self.assertLess(share, 1)
        self.assertGreater(share, 0)
        np.testing.assert_array_equal(self.result(folder, "audit_share"), by_query)
        np.testing.assert_allclose(self.result(folder, "audit_weight_share"), by_weight, rtol=1e-9)
        self.assertAlmostEqual(audit["share"], share, places=12)
        self.assertAlmostEqual(audit["weight_share"], weight_share, places=9)
        self.assertEqual(audit["entries"], int((weights >= EPSILON).sum()))

    def test_a_file(self):
        weights = scores("softmax", self.queries, self.keys)
        ids = np.flatnonzero(np.linalg.norm(self.keys, axis=1) > 7).astype(np.int64)
        self.save("u.npy", ids)
        summary = json.loads(self.succeed(*self.common, "--audit", "u.npy", "--out", "r", "--json"))
        self.check("r", summary["audit"], weights, ids)
        table = self.succeed(*self.common, "--audit", "u.npy")
        self.assertIn(f"u.npy holds {summary['audit']['covered']} of {summary['audit']['entries']}", table)
        self.save("none.npy", np.zeros(0, np.int64))
        none = json.loads(self.succeed(*self.common, "--audit", "none.npy", "--json"))
        self.assertEqual((none["audit"]["covered"], none["audit"]["share"]), (0, 0.0))

    def test_the_folder_of_a_find(self):
        self.succeed("find", "--keys", "k.npy", "--epsilon", 0.025, "--out", "found")
        summary = json.loads(self.succeed(*self.common, "--audit", "found", "--out", "r", "--json"))
        ids = self.result("found", "universal_set")
        self.check("r", summary["audit"], scores("softmax", self.queries, self.keys), ids)
        # Under x^2 a universal set misses nothing: that is what it is for.
        self.succeed("find", "--keys", "k.npy", "--epsilon", 0.005, "--out", "found")
        common = [*self.common[:-4], "--epsilon", 0.005, "--score", "power:2"]
        square = json.loads(self.succeed(*common, "--audit", "found", "--json"))
        self.assertGreater(square["audit"]["entries"], 30)
        self.assertEqual((square["audit"]["share"], square["audit"]["weight_share"]), (1.0, 1.0))

    def test_heads(self):
        keys = np.stack([self.keys, self.keys[::-1]])
        self.save("k.npy", keys)
        self.succeed("find", "--keys", "k.npy", "--epsilon", 0.025, "--out", "found")
        summary = json.loads(self.succeed(*self.common, "--audit", "found", "--out", "r", "--json"))
        for h in range(2):
            weights = scores("softmax", self.queries, keys[h])
            self.check(f"r/head-00{h}", summary["heads"][h]["audit"], weights,
                       self.result(f"found/head-00{h}", "universal_set"))
        self.assertEqual(summary["audit"]["entries"], sum(h["audit"]["entries"] for h in summary["heads"]))
        self.assertIn("audit", self.succeed(*self.common, "--audit", "found"))
        self.save("u.npy", np.arange(3))
        self.fail_with(*self.common, "--audit", "u.npy", words=["u.npy", "2 heads"])

    def test_what_is_no_set_of_keys_is_refused_before_the_pass(self):
        for array, words in [
            (np.arange(3, dtype=np.int32), ["u.npy", "int64"]),
            (np.arange(4).reshape(2, 2), ["u.npy", "2 dimensions"]),
            (np.array([5, 2000]), ["u.npy", "id 2000 at position 1", "2000 keys"]),
            (np.array([-1]), ["u.npy", "id -1"]),
        ]:
            self.save("u.npy", array)
            self.fail_with(*self.common, "--audit", "u.npy", "--out", "r", words=words)
        self.fail_with(*self.common, "--audit", "nothing.npy", words=["nothing.npy"])
        self.fail_with(*self.common, "--audit", self.folder, words=["universal_set.npy"])
        (self.folder / "u.npy").write_bytes((self.folder / "u.npy").read_bytes()[:-3])
        self.fail_with(*self.common, "--audit", "u.npy", words=["u.npy", "5 bytes"])
        (self.folder / "u.npy").write_bytes(b"\x93NUMPY\x01\x00")
        self.fail_with(*self.common, "--audit", "u.npy", words=["u.npy"])


class ErrorTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.save("k.npy", spiked_keys(self.rng, 100, 4, np.float32, 3))
        self.save("q.npy", np.ones((2, 4), np.float32))
        self.inputs = ["scan", "--keys", "k.npy", "--queries", "q.npy", "--out", "r"]

    def test_options(self):
        common = [*self.inputs, "--score", "softmax"]
        for epsilon in ["0", "-0.5", "1.5", "nan", "1e-61", "abc", ""]:
            self.fail_with(*common, "--epsilon", epsilon, words=["epsilon"])
        self.fail_with(*common, words=["--epsilon"])
        self.fail_with(*self.inputs, "--epsilon", 0.1, words=["--score"])
        for score in ["softmax:", "softmax:x", "softmax:0", "softmax:inf", "power:65", "cosine", "custom:f", ""]:
            self.fail_with(*self.inputs, "--epsilon", 0.1, "--score", score, words=["score"])
        self.fail_with(*common, "--epsilon", 0.1, "--engine", "cuda", words=["cuda"])
        self.fail_with("scan", "--keys", "k.npy", "--score", "softmax", "--epsilon", 0.1, words=["--queries"])
        self.fail_with("scan", "--keys", "-", "--queries", "-", "--score", "softmax", "--epsilon", 0.1,
                       words=["stdin"])

    def test_rows(self):
        common = [*self.inputs, "--score", "softmax", "--epsilon", 0.1]
        self.save("q.npy", np.ones((2, 5)))
        self.fail_with(*common, words=["q.npy", 5, 4])
        queries = np.ones((2, 4))
        queries[1, 2] = np.nan
        self.save("q.npy", queries)
        self.fail_with(*common, words=["q.npy", "NaN", "row 1", "column 2"])
        self.save("q.npy", np.ones((2, 4)))
        keys = np.ones((9000, 4))
        keys[8765, 3] = -np.inf
        self.save("k.npy", keys)
        self.fail_with(*common, words=["k.npy", "-Inf", "row 8765", "column 3"])
        keys[8765] = 1e19
        self.save("k.npy", keys)
        self.fail_with(*common, words=["k.npy", "row 8765", "softmax:1", "2^59"])
        self.save("k.npy", np.stack([keys[:10], keys[8760:8770]]))
        self.fail_with(*common, words=["k.npy", "head 1", "row 5"])
        stdin = (self.folder / "k.npy").read_bytes()[:-8]
        self.save("k.npy", keys)
        common[2] = "-"
        self.fail_with(*common, words=["stdin"], stdin=stdin)


if __name__ == "__main__":
    unittest.main()
