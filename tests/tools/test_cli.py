"""The command's results against NumPy, and against themselves by every other way to ask for them."""

import json
import os
import subprocess
import unittest

import numpy as np

from command import BINARY, DATA, RESULT_NAMES, CommandTest
from reference import (
    causal_weights,
    grid_bits,
    gridded,
    leverage,
    read_safetensors,
    spiked_keys,
    to_bfloat16,
    weights,
    write_safetensors,
)

EPSILON = 0.05
VERBS = ["find", "scan", "sketch", "merge", "finalize", "show", "engines"]


class FindTest(CommandTest):
    def check(self, dtype, n=5000, d=16, m=40):
        keys, queries = spiked_keys(self.rng, n, d, dtype), self.rng.standard_normal((m, d)).astype(dtype)
        self.succeed(
            "find",
            "--keys",
            self.save("k.npy", keys),
            "--queries",
            self.save("q.npy", queries),
            "--epsilon",
            EPSILON,
            "--out",
            "r",
        )
        on_grid = gridded(keys, grid_bits(dtype))
        self.assert_universal("r", leverage(on_grid), EPSILON)
        self.assertGreater(len(self.result("r", "universal_set")), 0)
        self.assert_heavy("r", weights(queries, on_grid), EPSILON)
        self.assertEqual(
            sorted(p.name for p in (self.folder / "r").iterdir()),
            sorted([f"{name}.npy" for name in RESULT_NAMES] + ["summary.json"]),
        )

    def test_float16(self):
        self.check(np.float16)

    def test_float32(self):
        self.check(np.float32)

    def test_float64(self):
        self.check(np.float64)

    def test_fewer_rows_than_columns(self):
        self.check(np.float32, n=20, d=24)  # every key is then alone in some direction

    def test_bfloat16_safetensors(self):
        bits, values = to_bfloat16(spiked_keys(self.rng, 900, 8, np.float32))
        write_safetensors(
            self.folder / "k.safetensors", {"odd": ("U8", np.zeros(3, np.uint8)), "keys": ("BF16", bits)}
        )
        self.succeed("find", "--keys", "k.safetensors:keys", "--epsilon", EPSILON, "--out", "r")
        self.assert_universal("r", leverage(gridded(values, 20)), EPSILON)

    def test_without_queries_there_are_no_heavy_files(self):
        self.succeed(
            "find",
            "--keys",
            self.save("k.npy", spiked_keys(self.rng, 300, 4, np.float32)),
            "--epsilon",
            EPSILON,
            "--out",
            "r/",
        )
        self.assertEqual(
            {p.name for p in (self.folder / "r").iterdir()},
            {"universal_set.npy", "leverage.npy", "layer.npy", "summary.json"},
        )

    def test_heads_and_shared_queries(self):
        keys = np.stack([spiked_keys(self.rng, 600, 8, np.float32) for _ in range(3)])
        own, shared = (self.rng.standard_normal(s).astype(np.float32) for s in [(3, 10, 8), (10, 8)])
        self.save("k.npy", keys)
        for name, queries in [("own", own), ("shared", shared)]:
            self.save("q.npy", queries)
            self.succeed("find", "--keys", "k.npy", "--queries", "q.npy", "--epsilon", EPSILON, "--out", name)
            for h in range(3):
                on_grid = gridded(keys[h], 24)
                self.assert_universal(f"{name}/head-00{h}", leverage(on_grid), EPSILON)
                self.assert_heavy(
                    f"{name}/head-00{h}", weights(own[h] if name == "own" else shared, on_grid), EPSILON
                )
            whole = json.loads((self.folder / name / "summary.json").read_text())
            self.assertEqual([h["head"] for h in whole["heads"]], [0, 1, 2])
            stdin = (self.folder / "k.npy").read_bytes()
            self.succeed(
                "find",
                "--keys",
                "-",
                "--queries",
                "q.npy",
                "--epsilon",
                EPSILON,
                "--out",
                name + "-stdin",
                stdin=stdin,
            )
            self.assertEqual(self.array_bytes(name + "-stdin"), self.array_bytes(name))

    def test_causal(self):
        keys = spiked_keys(self.rng, 4500, 8, np.float32)
        on_grid = gridded(keys, 24)
        self.save("k.npy", keys)
        for m in [4500, 100]:
            queries = self.rng.standard_normal((m, 8)).astype(np.float32)
            self.save("q.npy", queries)
            self.succeed(
                "find",
                "--keys",
                "k.npy",
                "--queries",
                "q.npy",
                "--epsilon",
                EPSILON,
                "--causal",
                "--out",
                "r",
            )
            self.assert_universal("r", leverage(on_grid), EPSILON)
            self.assert_heavy("r", causal_weights(queries, on_grid), EPSILON)

    def test_causal_with_more_queries_than_keys(self):
        keys, queries = self.rng.standard_normal((30, 4)), self.rng.standard_normal((50, 4))
        self.succeed(
            "find",
            "--keys",
            self.save("k.npy", keys),
            "--queries",
            self.save("q.npy", queries),
            "--epsilon",
            EPSILON,
            "--causal",
            "--out",
            "r",
        )
        self.assert_heavy("r", causal_weights(queries, gridded(keys, 24)), EPSILON)

    def test_exact_ties_at_one(self):
        self.succeed("find", "--keys", self.save("k.npy", np.eye(5)), "--epsilon", 1, "--out", "r")
        np.testing.assert_array_equal(self.result("r", "universal_set"), np.arange(5))

    def test_zero_rows_only(self):
        summary = self.find_json("--keys", self.save("k.npy", np.zeros((7, 3))), "--epsilon", EPSILON)
        self.assertEqual((summary["rank"], summary["universal_set"]["size"]), (0, 0))


class SameBytesTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.keys = self.save("k.npy", spiked_keys(self.rng, 30000, 8, np.float32))
        self.queries = self.save("q.npy", self.rng.standard_normal((30, 8)).astype(np.float32))
        self.common = ["--queries", self.queries, "--epsilon", EPSILON]
        self.succeed("find", "--keys", self.keys, *self.common, "--engine", "streaming", "--out", "one")
        self.expected = self.array_bytes("one")

    def test_engines_and_threads(self):
        for engine in json.loads(self.succeed("engines", "--json"))["engines"]:
            for threads in [1, 2, 5] if engine["name"] != "streaming" else [1]:
                out = f"{engine['name']}-{threads}"
                self.succeed(
                    "find",
                    "--keys",
                    self.keys,
                    *self.common,
                    "--engine",
                    engine["name"],
                    "--threads",
                    threads,
                    "--out",
                    out,
                )
                self.assertEqual(self.array_bytes(out), self.expected, out)
                run = json.loads((self.folder / out / "summary.json").read_text())["run"]
                self.assertEqual((run["engine"], run["threads"]), (engine["name"], threads))

    def test_causal_engines_and_stdin(self):
        stdin = (self.folder / "k.npy").read_bytes()
        for out, keys, engine in [
            ("a", self.keys, "streaming"),
            ("b", self.keys, "auto"),
            ("c", "-", "auto"),
        ]:
            self.succeed(
                "find",
                "--keys",
                keys,
                *self.common,
                "--causal",
                "--engine",
                engine,
                "--out",
                out,
                stdin=stdin,
            )
        self.assertEqual(self.array_bytes("a"), self.array_bytes("b"))
        self.assertEqual(self.array_bytes("a"), self.array_bytes("c"))

    def test_stdin_in_small_pieces(self):
        data = (self.folder / "k.npy").read_bytes()
        command = [BINARY, "find", "--keys", "-", *map(str, self.common), "--out", "piped", "--json"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.folder, bufsize=0
        ) as run:
            for begin in range(0, len(data), 99_991):
                run.stdin.write(data[begin : begin + 99_991])
            run.stdin.close()
            printed = run.stdout.read()
        self.assertEqual(run.returncode, 0)
        self.assertEqual(self.array_bytes("piped"), self.expected)
        self.assertEqual(printed, (self.folder / "piped" / "summary.json").read_bytes())

    def test_queries_from_stdin(self):
        self.succeed(
            "find",
            "--keys",
            self.keys,
            "--queries",
            "-",
            "--epsilon",
            EPSILON,
            "--out",
            "r",
            stdin=(self.folder / "q.npy").read_bytes(),
        )
        self.assertEqual(self.array_bytes("r"), self.expected)

    def test_summary_is_the_same_but_for_the_run(self):
        summaries = []
        for keys, engine in [(self.keys, "streaming"), ("-", "auto")]:
            summary = self.find_json(
                "--keys", keys, *self.common, "--engine", engine, stdin=(self.folder / "k.npy").read_bytes()
            )
            del summary["run"], summary["keys"]
            summaries.append(summary)
        self.assertEqual(*summaries)


class StateFileTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.keys = self.save("k.npy", spiked_keys(self.rng, 10000, 6, np.float32))
        self.succeed("sketch", "--keys", self.keys, "--epsilon", EPSILON, "--out", "whole.hks")

    def state(self, name):
        return (self.folder / name).read_bytes()

    def test_resume(self):
        self.succeed(
            "sketch", "--keys", self.keys, "--epsilon", EPSILON, "--rows", "0:1000", "--out", "a.hks"
        )
        self.succeed("sketch", "--keys", self.keys, "--resume", "a.hks", "--rows", "0:9000", "--out", "b.hks")
        self.succeed(
            "sketch",
            "--keys",
            "-",
            "--resume",
            "b.hks",
            "--epsilon",
            EPSILON,
            "--out",
            "b.hks",
            stdin=(self.folder / "k.npy").read_bytes(),
        )
        self.assertEqual(self.state("b.hks"), self.state("whole.hks"))
        self.succeed("sketch", "--keys", self.keys, "--resume", "b.hks", "--out", "b.hks")  # nothing follows
        self.assertEqual(self.state("b.hks"), self.state("whole.hks"))

    def test_shards_in_any_order(self):
        all_keys = np.load(self.keys)
        cuts = [0, 1, 3000, 4096, 9001, 10000]
        shards = []
        for begin, end in zip(cuts, cuts[1:]):
            shards.append(f"s{begin}.hks")
            self.succeed(
                "sketch",
                "--keys",
                self.save("part.npy", all_keys[begin:end]),
                "--first-row",
                begin,
                "--epsilon",
                EPSILON,
                "--out",
                shards[-1],
                "--engine",
                "streaming",
            )
        for order in [shards, shards[::-1], shards[2:] + shards[:2]]:
            self.succeed("merge", *order, "--out", "m.hks")
            self.assertEqual(self.state("m.hks"), self.state("whole.hks"))

    def test_finalize_equals_find(self):
        queries = self.save("q.npy", self.rng.standard_normal((9, 6)))
        self.succeed("find", "--keys", self.keys, "--queries", queries, "--epsilon", EPSILON, "--out", "f")
        self.succeed("finalize", "whole.hks", "--queries", queries, "--out", "s")
        self.assertEqual(self.array_bytes("s"), self.array_bytes("f"))

    def test_head_of_many(self):
        heads = np.stack([np.zeros((10000, 6), np.float32), np.load(self.keys)])
        self.succeed(
            "sketch", "--keys", self.save("h.npy", heads), "--head", 1, "--epsilon", EPSILON, "--out", "h.hks"
        )
        self.assertEqual(self.state("h.hks"), self.state("whole.hks"))
        self.fail_with(
            "sketch", "--keys", "h.npy", "--epsilon", EPSILON, "--out", "n.hks", words=["h.npy", "--head"]
        )

    def test_streams(self):
        for stream, rows in [(0, "0:4000"), (5, "4000:10000")]:
            begin = int(rows.split(":")[0])
            part = self.save("part.npy", np.load(self.keys)[begin : int(rows.split(":")[1])])
            self.succeed(
                "sketch", "--keys", part, "--stream", stream, "--epsilon", EPSILON, "--out", f"{stream}.hks"
            )
        self.succeed("merge", "5.hks", "0.hks", "--out", "m.hks")
        self.succeed("finalize", "m.hks", "--out", "r")
        streams, rows = self.result("r", "universal_streams"), self.result("r", "universal_set")
        self.assertTrue(set(streams) <= {0, 5} and 5 in streams)
        self.assertEqual(sorted(zip(streams, rows)), list(zip(streams, rows)))

    def test_show(self):
        shown = json.loads(self.succeed("show", "whole.hks", "--json"))
        self.assertEqual((shown["rows"], shown["next_row"], shown["d"], shown["rank"]), (10000, 10000, 6, 6))
        self.assertEqual(shown["file_bytes"], len(self.state("whole.hks")))
        self.assertIn("10000", self.succeed("show", "whole.hks"))

    def test_a_gap_is_named(self):
        self.succeed(
            "sketch", "--keys", self.keys, "--rows", "5000:6000", "--epsilon", EPSILON, "--out", "g.hks"
        )
        self.fail_with("finalize", "g.hks", "--out", "r", words=["g.hks"])
        self.assertIsNone(json.loads(self.succeed("show", "g.hks", "--json"))["rank"])


class OutputTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.keys = self.save("k.npy", spiked_keys(self.rng, 400, 4, np.float32))
        self.common = ["find", "--keys", self.keys, "--epsilon", EPSILON]

    def test_table(self):
        text = self.succeed(*self.common)
        for word in ["universal set", "leverage", "engine", "rank"]:
            self.assertIn(word, text)
        self.assertNotIn("\x1b", text)
        self.assertEqual(self.succeed(*self.common, "--quiet"), "")

    def test_tokens(self):
        tokens = [f"token{i}" for i in range(400)]
        tokens[3] = "bad\x1b[31m\xff"
        (self.folder / "t.txt").write_bytes("\n".join(tokens).encode("latin-1") + b"\n")
        summary = self.find_json(*self.common[1:], "--tokens", "t.txt", "--queries", self.keys)
        for top in [summary["universal_set"]["top"], summary["heavy_entries"]["top"]]:
            self.assertTrue(top)
            for entry in top:
                if entry["key"] != 3:
                    self.assertEqual(entry["token"], f"token{entry['key']}")
        text = self.succeed(*self.common, "--tokens", "t.txt", "--top", 400)
        self.assertIn("token" + str(summary["universal_set"]["top"][0]["key"]), text)
        self.assertNotIn("\x1b", text)

    def test_older_results_are_replaced(self):
        self.succeed(*self.common, "--queries", self.keys, "--out", "r")
        self.succeed(*self.common, "--out", "r")
        self.assertEqual(
            {p.name for p in (self.folder / "r").iterdir()},
            {"universal_set.npy", "leverage.npy", "layer.npy", "summary.json"},
        )

    def test_the_working_folder_can_be_the_result_folder(self):
        (self.folder / "empty").mkdir()
        done = subprocess.run(
            [BINARY, *map(str, self.common), "--out", ".", "--quiet"], cwd=self.folder / "empty"
        )
        self.assertEqual(done.returncode, 0)
        self.assertTrue((self.folder / "empty" / "summary.json").exists())

    def test_a_folder_of_others_is_refused(self):
        (self.folder / "r").mkdir()
        (self.folder / "r" / "thesis.tex").write_text("precious")
        self.fail_with(*self.common, "--out", "r", words=["r", "thesis.tex"])
        self.fail_with(*self.common, "--out", "no/such/folder", words=["no/such"])
        self.fail_with(*self.common, "--out", "k.npy", words=["k.npy"])

    def test_closed_stdout(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([BINARY, *map(str, self.common)], stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, *map(str, self.common)], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        done = subprocess.run(
            f"{BINARY} find --keys {self.keys} --epsilon 0.1 --out {self.path('r')} >&-", shell=True
        )
        self.assertEqual(done.returncode, 0)

    def test_help(self):
        for verb in VERBS:
            text = self.succeed(verb, "--help")
            self.assertIn(f"heavykeys {verb}", text)
            self.assertIn("Example", text)
        self.assertIn("find", self.succeed("--help"))
        self.assertRegex(self.succeed("--version"), r"^heavykeys \d+\.\d+\.\d+\n$")

    def test_engines(self):
        engines = json.loads(self.succeed("engines", "--json"))
        self.assertEqual(engines["engines"][0], {"name": "streaming", "threads": 1})
        self.assertIn(engines["active_isa"], engines["isas"])
        self.assertIn("streaming", self.succeed("engines"))


class RealDataTest(CommandTest):
    """Keys and queries captured from BERT (tests/data)."""

    def test_stream(self):
        keys, queries = np.load(DATA / "stream_keys.npy"), np.load(DATA / "stream_queries.npy")
        inputs = ["--keys", DATA / "stream_keys.npy", "--queries", DATA / "stream_queries.npy"]
        self.succeed(
            "find", *inputs, "--tokens", DATA / "stream.tokens.txt", "--epsilon", 0.003, "--out", "r"
        )
        on_grid = gridded(keys, 20)
        self.assert_universal("r", leverage(on_grid), 0.003)
        self.assertGreater(len(self.result("r", "universal_set")), 100)
        self.assert_heavy("r", weights(queries, on_grid), 0.003)

    def test_heads(self):
        keys, queries = (read_safetensors(DATA / "heads.safetensors", name) for name in "kq")
        inputs = ["--keys", f"{DATA}/heads.safetensors:k", "--queries", f"{DATA}/heads.safetensors:q"]
        self.succeed(
            "find", *inputs, "--tokens", DATA / "heads.tokens.txt", "--epsilon", 0.07, "--out", "all"
        )
        self.succeed("find", *inputs, "--causal", "--epsilon", 0.07, "--out", "causal")
        for h in range(len(keys)):
            on_grid = gridded(keys[h], 20)
            self.assert_universal(f"all/head-{h:03}", leverage(on_grid), 0.07)
            self.assert_heavy(f"all/head-{h:03}", weights(queries[h], on_grid), 0.07)
            self.assert_heavy(f"causal/head-{h:03}", causal_weights(queries[h], on_grid), 0.07)


if __name__ == "__main__":
    unittest.main()
