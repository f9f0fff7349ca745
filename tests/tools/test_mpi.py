"""mpirun -np R heavykeys ... --engine mpi: the bytes of one rank from any number of them, one line for every error,
and long jobs that are cut off and go on."""

import collections
import json
import os
import re
import subprocess
import time
import unittest
from pathlib import Path

import numpy as np

from command import BINARY, DATA, CommandTest
from reference import spiked_keys, to_bfloat16, write_safetensors
from test_documents import DOCUMENTS, MPI_ENVIRONMENT, ROOT, blocks, run_shell

EPSILON = 0.05
RANKS = [1, 2, 3, 5, 7]


# What Open MPI and its libevent say on stderr of themselves, now and then, when ranks end: not a line of ours.
NOISE = re.compile(rb"^(\[warn\] Epoll .*|\[[^\]]*:\d+\] .*ORTE_ERROR_LOG: .*)\n", re.MULTILINE)


def mpirun(ranks):
    # -q: mpirun itself says nothing of ranks that fail.
    return ["mpirun", "-q", "--oversubscribe", "-np", str(ranks)]


class MpiTest(CommandTest):
    ranks = 3

    def run_command(self, *arguments, stdin=b""):
        """By mpirun where --engine mpi is asked for."""
        launcher = mpirun(self.ranks) if "mpi" in arguments else []
        done = subprocess.run(
            [*launcher, BINARY, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=100,
            cwd=self.folder,
            env=MPI_ENVIRONMENT,
        )
        done.stderr = NOISE.sub(b"", done.stderr)
        return done

    def on(self, ranks, *arguments, threads=1):
        self.ranks = ranks
        return self.succeed(*arguments, "--engine", "mpi", "--threads", threads)

    def state(self, name):
        return (self.folder / name).read_bytes()

    def answer(self, folder):
        """All that a run has found: the arrays, and the summaries without how it was done."""
        summaries = {}
        for path in sorted((self.folder / folder).rglob("summary.json")):
            summary = json.loads(path.read_text())
            summary.pop("run", None)
            summaries[str(path.relative_to(self.folder / folder))] = summary
        return self.array_bytes(folder), summaries

    def check(self, *arguments, ranks=RANKS, threads=1):
        """Any number of ranks finds what one core finds. Returns how many entries that is."""
        self.succeed(*arguments, "--engine", "streaming", "--out", "one", "--quiet")
        want = self.answer("one")
        for count in ranks:
            with self.subTest(ranks=count, arguments=arguments):
                self.on(count, *arguments, "--out", "many", "--quiet", threads=threads)
                self.assertEqual(self.answer("many"), want)
        return sum(len(np.load(path)) for path in (self.folder / "one").rglob("heavy_keys.npy"))

    def spiked(self, n, d, dtype=np.float32, heads=None):
        if heads is None:
            return spiked_keys(self.rng, n, d, dtype, min(n, 12))
        return np.stack([spiked_keys(self.rng, n, d, dtype, min(n, 12)) for _ in range(heads)])

    def save_inputs(self, keys, queries):
        """--keys and --queries for arrays."""
        queries = queries.astype(keys.dtype)
        return ["--keys", self.save("k.npy", keys), "--queries", self.save("q.npy", queries), "--epsilon", EPSILON]


class FindTest(MpiTest):
    def test_one_head(self):
        inputs = self.save_inputs(self.spiked(30_123, 16), self.rng.standard_normal((50, 16)))
        self.assertGreater(self.check("find", *inputs), 0)
        self.check("find", *inputs, ranks=[2], threads=2)

    def test_heads(self):
        # Five heads of three blocks: ranks that hold parts of heads, whole ones, and both.
        keys = self.spiked(9_000, 8, np.float16, heads=5)
        inputs = self.save_inputs(keys, self.rng.standard_normal((5, 30, 8)))
        self.assertGreater(self.check("find", *inputs, ranks=[2, 3, 7]), 0)
        self.assertGreater(self.check("find", *inputs, "--causal", ranks=[2, 3, 7]), 0)
        self.check("find", *inputs, ranks=[3], threads=2)

    def test_causal(self):
        keys = self.spiked(14_000, 8)
        for m in [14_000, 37]:
            inputs = self.save_inputs(keys, self.rng.standard_normal((m, 8)))
            self.assertGreater(self.check("find", *inputs, "--causal", ranks=[1, 2, 5] if m == 37 else [3]), 0)

    def test_fewer_rows_than_ranks_have_blocks(self):
        for n in [1, 5, 4097]:
            inputs = self.save_inputs(self.spiked(n, 4), self.rng.standard_normal((3, 4)))
            self.check("find", *inputs, ranks=[3])
            self.check("find", *inputs, "--causal", ranks=[5])

    def test_causal_with_more_queries_than_keys(self):
        inputs = self.save_inputs(self.rng.standard_normal((30, 4)), self.rng.standard_normal((50, 4)))
        self.check("find", *inputs, "--causal", ranks=[3])

    def test_bfloat16_and_shared_queries(self):
        bits, _ = to_bfloat16(self.spiked(6_000, 8, heads=2))
        write_safetensors(self.folder / "k.safetensors", {"keys": ("BF16", bits)})
        queries = self.save("q.npy", self.rng.standard_normal((9, 8)).astype(np.float32))
        self.check("find", "--keys", "k.safetensors:keys", "--queries", queries, "--epsilon", EPSILON, ranks=[2, 3])

    def test_scores(self):
        inputs = self.save_inputs(self.spiked(20_000, 6) / 50, self.rng.standard_normal((40, 6)))
        for extra in [
            ["--score", "power:4"],
            ["--score", "power:1", "--mode", "no-false-positives"],
            ["--score", "expressive", "--confidence", 0.01, "--sample-rows", 300, "--seed", 5],
            ["--score", "polynomial:0,1,0.5", "--causal"],
            ["--score", "expressive", "--causal"],
        ]:
            self.check("find", *inputs, *extra, ranks=[3])

    def test_verify(self):
        one_head = self.spiked(20_000, 6) / 50, self.rng.standard_normal((40, 6))
        three = self.spiked(5_000, 6, heads=3) / 50, self.rng.standard_normal((3, 40, 6))
        for arrays, extra, ranks in [(one_head, [], [2, 5]), (one_head, ["--causal"], [2, 5]), (three, [], [2])]:
            inputs = [*self.save_inputs(*arrays)[:4], "--epsilon", 0.005, "--score", "expressive", "--verify"]
            self.assertGreater(self.check("find", *inputs, *extra, ranks=ranks), 0)
            summary = json.loads((self.folder / "many" / "summary.json").read_text())
            heads = summary.get("heads", [summary])
            self.assertGreater(sum(head["heavy_entries"]["verified_queries"] for head in heads), 0)

    def test_real_data_and_tokens(self):
        inputs = ["--keys", DATA / "stream_keys.npy", "--queries", DATA / "stream_queries.npy"]
        self.check("find", *inputs, "--epsilon", 0.003, "--tokens", DATA / "stream.tokens.txt", ranks=[4])

    def test_how_it_was_done(self):
        inputs = self.save_inputs(self.spiked(9_000, 8), self.rng.standard_normal((5, 8)))
        run = json.loads(self.on(4, "find", *inputs, "--json", threads=2))["run"]
        self.assertEqual((run["engine"], run["ranks"], run["threads"]), ("mpi", 4, 2))
        self.assertIn("merge", run["seconds"])
        self.assertGreater(run["peak_memory_bytes"], 1 << 20)
        self.assertIn("engine mpi, 4 ranks x 1 thread,", self.on(4, "find", *inputs))
        self.assertIn("engine mpi, 1 rank x 2 threads,", self.on(1, "find", *inputs, threads=2))
        alone = subprocess.run(
            [BINARY, "find", *map(str, inputs), "--engine", "mpi"], capture_output=True, env=MPI_ENVIRONMENT
        )
        self.assertEqual((alone.returncode, alone.stderr), (0, b""))
        self.assertIn(b"engine mpi, 1 rank x ", alone.stdout)
        names = [engine["name"] for engine in json.loads(self.succeed("engines", "--json"))["engines"]]
        self.assertEqual(names[-1], "mpi")
        self.assertIn("under mpirun", self.succeed("engines"))


class ScanTest(MpiTest):
    def test_scan(self):
        inputs = self.save_inputs(self.spiked(20_123, 8) / 8, self.rng.standard_normal((33, 8)))
        for extra in [["softmax:0.25"], ["softmax", "--causal"], ["power:3"]]:
            self.assertGreater(self.check("scan", *inputs, "--score", *extra, ranks=[2, 5]), 0)
        self.check("scan", *inputs, "--score", "softmax", ranks=[2], threads=2)

    def test_heads_and_audit(self):
        inputs = self.save_inputs(self.spiked(5_000, 8, heads=3) / 8, self.rng.standard_normal((3, 10, 8)))
        self.succeed("find", *inputs[:2], "--epsilon", 0.02, "--out", "universal")
        for extra in [[], ["--causal"]]:
            self.check("scan", *inputs, "--score", "softmax", "--audit", "universal", *extra, ranks=[2, 5])

    def test_few_rows(self):
        inputs = self.save_inputs(self.spiked(3, 4), self.rng.standard_normal((2, 4)))
        self.check("scan", *inputs, "--score", "softmax", ranks=[3])


class EigenTest(MpiTest):
    def files(self):
        heads = [self.rng.standard_normal((3, 60, 5)).astype(np.float32) for _ in range(2)]
        return ["--queries", self.save("q.npy", heads[0]), "--keys", self.save("k.npy", heads[1]), "--window", 7]

    def test_ranks_write_the_bytes_of_one(self):
        files = self.files()
        for extra in [[], ["--of", "matrices", "--sketch-columns", 9], ["--each-head", "--normalisation", "softmax"]]:
            self.succeed("eigen", *files, *extra, "--engine", "streaming", "--out", "one", "--quiet")
            for ranks in RANKS:
                with self.subTest(ranks=ranks, extra=extra):
                    self.on(ranks, "eigen", *files, *extra, "--out", "many", "--quiet")
                    self.assertEqual(self.array_bytes("many"), self.array_bytes("one"))
                    self.assertEqual(self.answer("many"), self.answer("one"))

    def test_bad_rows_of_any_rank(self):
        files = self.files()
        queries = np.zeros((3, 60, 5), np.float32)
        queries[2, 55, 1] = np.nan
        files[1] = self.save("bad.npy", queries)
        self.fail_with("eigen", *files, "--engine", "mpi", words=["bad.npy, head 2", "row 55", "column 1"])
        self.fail_with("eigen", *files[2:], "--engine", "mpi", words=["--queries"])


class SketchTest(MpiTest):
    def check_sketch(self, *arguments, ranks=(3,)):
        self.succeed("sketch", *arguments, "--out", "one.hks", "--engine", "streaming")
        for count in ranks:
            with self.subTest(ranks=count, arguments=arguments):
                said = self.on(count, "sketch", *arguments, "--out", "many.hks")
                self.assertEqual(self.state("many.hks"), self.state("one.hks"))
                self.assertEqual(said.count("\n"), 1)

    def test_any_rows_of_any_head(self):
        self.save("k.npy", self.spiked(20_123, 8))
        self.save("h.npy", self.spiked(9_000, 8, np.float16, heads=3))
        common = ["--epsilon", EPSILON]
        self.check_sketch("--keys", "k.npy", *common, ranks=RANKS)
        self.check_sketch("--keys", "k.npy", *common, "--score", "expressive", "--rows", "77:19000")
        self.check_sketch("--keys", "k.npy", *common, "--rows", "5:6")
        self.check_sketch("--keys", "h.npy", *common, "--head", 1, "--first-row", 100_001, "--stream", 7)
        self.succeed("sketch", "--keys", "k.npy", *common, "--rows", "0:9001", "--out", "part.hks")
        self.check_sketch("--keys", "k.npy", "--resume", "part.hks")

    def test_finalize(self):
        inputs = self.save_inputs(self.spiked(9_000, 8), self.rng.standard_normal((40, 8)))
        self.on(3, "sketch", *inputs[:2], *inputs[4:], "--out", "s.hks")
        self.check("finalize", "s.hks", *inputs[2:4], ranks=[3])


class CheckpointTest(MpiTest):
    def setUp(self):
        super().setUp()
        self.save("k.npy", self.spiked(150_123, 24))
        self.job = ["sketch", "--keys", "k.npy", "--epsilon", 0.02, "--checkpoint", "saved"]
        self.succeed(*self.job[:5], "--out", "whole.hks")

    def saved(self):
        return sorted(path.name for path in (self.folder / "saved").iterdir())

    def newest(self):
        return max([0, *(int(path.name[1:7]) for path in self.folder.glob("saved/g*"))])

    def cut_off(self, ranks):
        """Starts the job and kills one rank with SIGKILL after some saves."""
        command = [*mpirun(ranks), BINARY, *map(str, self.job), "--checkpoint-every", "700", "--out", "s.hks"]
        enough = self.newest() + 8
        with subprocess.Popen(
            [*command, "--engine", "mpi", "--threads", "1"], cwd=self.folder, env=MPI_ENVIRONMENT
        ) as job:
            deadline = time.monotonic() + 60
            while self.newest() < enough and time.monotonic() < deadline:
                time.sleep(0.002)
            children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
            ours = [p for p in children if Path(f"/proc/{p}/comm").read_text().strip() == Path(BINARY).name[:15]]
            self.assertEqual(len(ours), ranks)
            os.kill(int(ours[-1]), 9)
            self.assertNotEqual(job.wait(timeout=60), 0)
        self.assertFalse((self.folder / "s.hks").exists())
        present = [re.fullmatch(r"g(\d+)-rank-\d+-of-(\d+).hks", name) for name in self.saved()]
        counts = collections.Counter(match.groups() for match in present if match)
        self.assertTrue(any(count == int(of) for (_, of), count in counts.items()), self.saved())

    def go_on(self, ranks, *extra):
        said = self.on(ranks, *self.job, "--out", "s.hks", *extra)
        self.assertIn("of them from saved", said)
        self.assertEqual(self.state("s.hks"), self.state("whole.hks"))
        self.assertFalse((self.folder / "saved").exists())

    def test_an_unbroken_job(self):
        for ranks in [1, 3]:
            self.on(ranks, *self.job, "--checkpoint-every", 20_000, "--out", "s.hks")
            self.assertEqual(self.state("s.hks"), self.state("whole.hks"))
            self.assertFalse((self.folder / "saved").exists())
        self.succeed(*self.job, "--out", "t.hks", "--engine", "streaming")
        self.assertEqual(self.state("t.hks"), self.state("whole.hks"))

    def test_a_rank_is_killed_and_fewer_go_on(self):
        self.cut_off(3)
        self.go_on(2, "--checkpoint-every", 10_000)

    def test_a_rank_is_killed_twice_and_more_go_on(self):
        self.cut_off(2)
        (self.folder / "saved" / "notes.txt").write_text("of the user")
        self.cut_off(3)
        said = self.on(5, *self.job, "--out", "s.hks")
        self.assertIn("of them from saved", said)
        self.assertEqual(self.state("s.hks"), self.state("whole.hks"))
        self.assertEqual(self.saved(), ["notes.txt"])

    def test_one_process_goes_on_where_ranks_were(self):
        self.cut_off(3)
        self.succeed(*self.job, "--out", "s.hks", "--engine", "streaming")
        self.assertEqual(self.state("s.hks"), self.state("whole.hks"))

    def test_what_a_crash_can_leave(self):
        """A newer generation that is not complete, a save that was not finished, and a complete one."""
        (self.folder / "saved").mkdir()
        for rank, rows in enumerate(["0:5000", "9000:70001"]):
            out = f"saved/g000004-rank-000{rank}-of-0002.hks"
            self.succeed("sketch", "--keys", "k.npy", "--epsilon", 0.02, "--rows", rows, "--out", out)
        whole = (self.folder / "saved" / "g000004-rank-0001-of-0002.hks").read_bytes()
        (self.folder / "saved" / "g000005-rank-0001-of-0003.hks").write_bytes(whole)
        (self.folder / "saved" / "g000005-rank-0002-of-0003.hks.tmp-1-0").write_bytes(whole[:100])
        for ranks in [3, 1]:
            before = {p.name: p.read_bytes() for p in (self.folder / "saved").iterdir()}
            self.assertIn(f"{5000 + 61001} of them", self.on(ranks, *self.job, "--out", "s.hks"))
            self.assertEqual(self.state("s.hks"), self.state("whole.hks"))
            (self.folder / "saved").mkdir()
            for name, content in before.items():
                (self.folder / "saved" / name).write_bytes(content)

    def test_another_job(self):
        self.cut_off(2)
        out = ["--out", "t.hks", "--engine", "mpi"]
        self.fail_with(*self.job, "--score", "expressive", *out, words=["saved/g0000", "power:2", "expressive"])
        self.fail_with(*self.job, "--rows", "7:9000", *out, words=["saved", "rows 0:", "7:9000"])
        self.fail_with(*self.job, "--stream", 3, *out, words=["saved", "stream 0", "of 3"])
        for path in (self.folder / "saved").glob("*.hks"):
            path.write_bytes(path.read_bytes()[:-9])
        self.fail_with(*self.job, *out, words=["saved/g0000", ".hks: "])

    def test_usage(self):
        common = ["--out", "t.hks", "--engine", "mpi"]
        self.fail_with(*self.job, "--resume", "whole.hks", *common, words=["--checkpoint", "--resume"])
        self.fail_with(*self.job, "--checkpoint-every", 0, *common, words=["--checkpoint-every"])
        self.fail_with(*self.job[:5], "--checkpoint", "k.npy", *common, words=["k.npy", "directory"])
        self.fail_with(*self.job[:5], "--checkpoint", "no/saved", *common, words=["no/saved", "no folder"])
        self.fail_with(*self.job[:2], "-", *self.job[3:], "--out", "t.hks", words=["--checkpoint", "stdin"])


class ErrorTest(MpiTest):
    def setUp(self):
        super().setUp()
        self.ranks = 4
        self.keys = self.spiked(30_000, 8)
        self.save("k.npy", self.keys)
        self.save("q.npy", np.ones((6, 8), np.float32))
        self.find = ["find", "--keys", "k.npy", "--engine", "mpi", "--out", "r"]

    def test_usage_is_said_once(self):
        self.fail_with(*self.find, words=["--epsilon"])
        self.fail_with(*self.find, "--epsilon", 2, words=["epsilon is 2"])
        self.fail_with(*self.find, "--epsilon", 0.1, "--nonsense")
        self.fail_with(*self.find, "--epsilon", 0.1, "--causal", words=["--queries"])
        self.fail_with(*self.find, "--epsilon", 0.1, "--threads", 0, words=["--threads"])
        self.fail_with("find", "--keys", "-", "--epsilon", 0.1, "--engine", "mpi", words=["--keys -", "stdin", "mpi"])
        self.fail_with(
            "scan", "--keys", "k.npy", "--queries", "-", "--epsilon", 0.1, "--score", "softmax", "--engine", "mpi",
            words=["--queries -", "stdin", "mpi"],
        )
        self.assertEqual(self.succeed("find", "--engine", "mpi", "--help").count("Usage:"), 1)
        self.assertEqual(self.succeed("--version", "--engine", "mpi").count("heavykeys"), 1)

    def test_files(self):
        self.fail_with("find", "--keys", "none.npy", "--epsilon", 0.1, "--engine", "mpi", words=["none.npy", "No such"])
        self.fail_with(*self.find, "--epsilon", 0.1, "--queries", "none.npy", words=["none.npy"])
        self.save("wide.npy", np.ones((6, 9), np.float32))
        self.fail_with(*self.find, "--epsilon", 0.1, "--queries", "wide.npy", words=["wide.npy", 9, 8])
        self.fail_with(*self.find[:-1], "no/r", "--epsilon", 0.1, words=["no/r"])
        (self.folder / "t.txt").write_text("one\n")
        self.fail_with(*self.find, "--epsilon", 0.1, "--tokens", "t.txt", words=["t.txt", "1 lines"])

    def test_bad_rows_of_any_rank(self):
        for row, column in [(0, 1), (29_999, 0)]:
            keys = self.keys.copy()
            keys[row, column] = np.nan
            self.save("bad.npy", keys)
            where = ["rank", "bad.npy: ", f"row {row}", f"column {column}"]
            for arguments in [
                ("find", "--out", "r"),
                ("find", "--queries", "q.npy", "--causal", "--out", "r"),
                ("scan", "--queries", "q.npy", "--score", "softmax", "--out", "r"),
                ("sketch", "--out", "s.hks"),
            ]:
                common = ["--keys", "bad.npy", "--epsilon", 0.1, "--engine", "mpi"]
                self.fail_with(*arguments, *common, words=where)

    def test_bad_rows_of_a_head(self):
        keys = self.spiked(3_000, 8, heads=6)
        keys[4, 77, 3] = np.inf
        self.save("h.npy", keys)
        for threads in [1, 2]:
            self.fail_with(
                "find", "--keys", "h.npy", "--epsilon", 0.1, "--engine", "mpi", "--threads", threads,
                words=["h.npy: head 4: ", "row 77", "column 3"],
            )

    def test_a_bad_query(self):
        queries = np.ones((6, 8), np.float32)
        queries[4, 5] = np.nan
        self.save("q.npy", queries)
        for extra in [[], ["--causal"]]:
            self.fail_with(
                *self.find, "--epsilon", 0.1, "--queries", "q.npy", *extra, words=["q.npy: ", "row 4", "column 5"]
            )

    def test_what_cannot_be_written_is_exit_1(self):
        done = self.run_command("sketch", "--keys", "k.npy", "--epsilon", 0.1, "--out", "/dev/full", "--engine", "mpi")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(NOISE.sub(b"", done.stderr).count(b"\n"), 1, done.stderr.decode())
        self.assertIn(b"/dev/full", done.stderr)


class DocumentsTest(CommandTest):
    def test_every_mpirun_block_runs(self):
        for name in ("tests", "examples"):
            (self.folder / name).symlink_to(ROOT / name)
        count = 0
        for document in DOCUMENTS:
            for language, text in blocks(document):
                if language == "sh" and "mpirun" in text:
                    done = run_shell(text, self.folder)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
                    count += 1
        self.assertGreaterEqual(count, 1)


if __name__ == "__main__":
    unittest.main()
