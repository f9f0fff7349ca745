"""Everything that can be wrong with a command line or a file: one line, exit code 2, nothing left behind."""

import io
import json
import os
import subprocess
import time
import unittest

import numpy as np

from command import BINARY, CommandTest
from reference import spiked_keys, write_safetensors

EPSILON = 0.1


def npy_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class BadUsageTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.save("k.npy", spiked_keys(self.rng, 100, 4, np.float32, 3))
        self.save("q.npy", np.ones((2, 4), np.float32))
        self.find = ["find", "--keys", "k.npy", "--out", "r"]

    def test_epsilon(self):
        for epsilon in ["0", "-0.5", "1.5", "nan", "inf", "abc", "0.1x", ""]:
            self.fail_with(*self.find, "--epsilon", epsilon, words=["epsilon"])
            self.fail_with(
                "sketch", "--keys", "k.npy", "--epsilon", epsilon, "--out", "s.hks", words=["epsilon"]
            )

    def test_names_of_results(self):
        for name in ["", "x" * 300]:
            self.fail_with("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", name)
            self.fail_with("merge", "k.npy", "--out", name)
        keys = ["--keys", "k.npy", "--epsilon", EPSILON]
        self.fail_with("sketch", *keys, "--out", "s.hks", "--checkpoint", "x" * 300)
        self.fail_with("find", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "x" * 300)

    def test_results_that_are_links_to_nothing(self):
        """Said before the pass: of keys with a NaN, nothing is said."""
        self.save("nan.npy", np.full((100, 4), np.nan, np.float32))
        for link, target in [("to-none", "none"), ("to-folder", "none/none"), ("round", "round")]:
            os.symlink(target, self.folder / link)
            common = ["--keys", "nan.npy", "--epsilon", EPSILON]
            text = self.fail_with("find", *common, "--out", link, words=[link + ": "])
            self.assertNotIn("nan.npy", text)
            self.fail_with("sketch", *common, "--out", "s.hks", "--checkpoint", link, words=[link + ": "])
            if link != "to-none":
                text = self.fail_with("sketch", *common, "--out", link, words=[link + ": "])
                self.assertNotIn("nan.npy", text)
        self.succeed("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "to-none", "--quiet")
        self.assertTrue((self.folder / "to-none").is_symlink())
        self.assertTrue((self.folder / "none").is_file())

    def test_folders_that_are_not_there(self):
        for name in ["none/s.hks", "none/../s.hks", "k.npy/s.hks"]:
            text = self.fail_with("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", name, words=[name])
            self.assertIn("there is no folder", text)

    def test_names_as_long_as_the_system_takes(self):
        for name in ["x" * 250, "y" * 255]:
            self.succeed("find", "--keys", "k.npy", "--epsilon", EPSILON, "--out", name, "--quiet")
            self.assertTrue((self.folder / name / "summary.json").is_file())
            name = name.upper()
            self.succeed("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", name, "--quiet")
            self.assertTrue((self.folder / name).is_file())
        # The folder could be made, the files in it could not.
        deep = "/".join(["d" * 200] * 19)
        (self.folder / deep).mkdir(parents=True)
        room = 4095 - len(os.path.realpath(self.folder)) - len(deep) - 2
        for name in ["z" * min(room - 20, 255)]:
            text = self.fail_with(*self.find[:3], "--epsilon", EPSILON, "--out", f"{deep}/{name}")
            self.assertIn("too long", text)

    def test_stray_files_among_checkpoints(self):
        saved = self.folder / "saved"
        saved.mkdir()
        job = ["sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "s.hks", "--quiet"]
        saving = [*job, "--engine", "streaming", "--checkpoint", "saved", "--checkpoint-every", 40]
        strays = [
            f"g{generation}-rank-0000-of-0002.hks{end}"
            for generation in ["9223372036854775807", "9223372036854775808", "1000000000001", "-00001", "000000", "1"]
            for end in ["", ".tmp-1-0"]
        ]
        strays += ["g000001-rank-0002-of-0002.hks", "g000001-rank--001-of-0002.hks", "g000001-rank-0000-of-0001"]
        for name in strays:
            (saved / name).write_bytes(b"stray")
        self.succeed(*saving)
        self.assertEqual(sorted(p.name for p in saved.iterdir()), sorted(strays))
        self.assertEqual({p.read_bytes() for p in saved.iterdir()}, {b"stray"})
        (saved / "g999999999999-rank-0000-of-0002.hks").write_bytes(b"stray")
        self.fail_with(*saving, words=["saved: ", 999999999999])

    def test_verbs_and_options(self):
        self.fail_with()
        for verb in ["eigen", "plant", "fnd"]:
            self.fail_with(verb)
        self.fail_with("find", words=["--keys"])
        self.fail_with(*self.find, words=["--epsilon"])
        self.fail_with(*self.find, "--epsilon", EPSILON, "--verify", words=["--queries"])
        self.fail_with(*self.find, "--epsilon", EPSILON, "extra")
        self.fail_with(*self.find, "--epsilon", EPSILON, "--top", "-1")
        self.fail_with(*self.find, "--epsilon", EPSILON, "--causal", words=["--causal", "--queries"])
        self.fail_with("find", "--keys", "-", "--queries", "-", "--epsilon", EPSILON, words=["stdin"])

    def test_score(self):
        for score in ["power:", "power:x", "cosine", "softmax"]:  # more: test_scores.py
            self.fail_with(*self.find, "--epsilon", EPSILON, "--score", score)

    def test_engine(self):
        built = [engine["name"] for engine in json.loads(self.succeed("engines", "--json"))["engines"]]
        for engine in {"cuda", "mpi", "gpu"} - set(built):
            text = self.fail_with(*self.find, "--epsilon", EPSILON, "--engine", engine)
            self.assertIn(f'engine "{engine}" is not in this build; available: streaming', text)
        for threads in ["0", "-2", "x", "1.5"]:
            self.fail_with(*self.find, "--epsilon", EPSILON, "--threads", threads, words=["--threads"])
        self.fail_with(
            *self.find, "--epsilon", EPSILON, "--engine", "tbb", "--threads", 2**31 - 1, words=["threads", "4096"]
        )
        self.fail_with(
            *self.find, "--epsilon", EPSILON, "--engine", "streaming", "--threads", 2, words=["streaming"]
        )

    def test_row_ranges(self):
        for rows in ["5", "5:", ":5", "5:5", "7:5", "a:b", "0:101", "-1:5"]:
            self.fail_with(
                "sketch",
                "--keys",
                "k.npy",
                "--epsilon",
                EPSILON,
                "--rows",
                rows,
                "--out",
                "s.hks",
                words=["--rows"],
            )
        self.fail_with("sketch", "--keys", "k.npy", "--out", "s.hks", words=["--epsilon"])
        for option in ["--first-row", "--stream", "--head"]:
            common = ["sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "s.hks"]
            self.fail_with(*common, option, "-1", words=[option])

    def test_tokens(self):
        (self.folder / "t.txt").write_text("one\ntwo\n")
        self.fail_with(*self.find, "--epsilon", EPSILON, "--tokens", "t.txt", words=["t.txt", 2, 100])
        self.fail_with(*self.find, "--epsilon", EPSILON, "--tokens", "none.txt", words=["none.txt"])


class BadInputTest(CommandTest):
    def fail_keys(self, array_or_bytes, words):
        """As a file and on stdin."""
        data = array_or_bytes if isinstance(array_or_bytes, bytes) else npy_bytes(array_or_bytes)
        (self.folder / "k.npy").write_bytes(data)
        for keys in ["k.npy", "-"]:
            name = "stdin" if keys == "-" else keys
            for engine in ["streaming", "auto"]:
                self.fail_with(
                    "find",
                    "--keys",
                    keys,
                    "--epsilon",
                    EPSILON,
                    "--out",
                    "r",
                    "--engine",
                    engine,
                    words=[name, *words],
                    stdin=data,
                )
            self.fail_with(
                "sketch",
                "--keys",
                keys,
                "--epsilon",
                EPSILON,
                "--out",
                "s.hks",
                words=[name, *words],
                stdin=data,
            )

    def test_not_finite(self):
        for value in [np.nan, np.inf, -np.inf]:
            for dtype in [np.float16, np.float32, np.float64]:
                keys = self.rng.standard_normal((5000, 6)).astype(dtype)
                keys[4321, 5] = value
                self.fail_keys(keys, ["row 4321", "column 5"])

    def test_not_finite_in_a_head(self):
        keys = self.rng.standard_normal((3, 50, 6))
        keys[2, 31, 4] = np.nan
        self.save("k.npy", keys)
        for source in ["k.npy", "-"]:
            self.fail_with(
                "find",
                "--keys",
                source,
                "--epsilon",
                EPSILON,
                "--out",
                "r",
                words=["head 2", "row 31", "column 4"],
                stdin=npy_bytes(keys),
            )

    def test_not_finite_queries(self):
        self.save("k.npy", self.rng.standard_normal((50, 6)))
        queries = np.ones((9, 6))
        queries[7, 3] = np.inf
        self.save("q.npy", queries)
        for more in [[], ["--causal"]]:
            self.fail_with(
                "find",
                "--keys",
                "k.npy",
                "--queries",
                "q.npy",
                "--epsilon",
                EPSILON,
                "--out",
                "r",
                *more,
                words=["q.npy", "row 7", "column 3"],
            )

    def test_shapes(self):
        self.fail_keys(np.ones(12), [])
        self.fail_keys(np.ones((2, 2, 2, 2)), [])
        self.fail_keys(np.ones((0, 4)), ["empty"])
        self.fail_keys(np.ones((4, 0)), ["empty"])
        self.fail_keys(np.ones((2, 4097)), ["4096"])
        self.save("k.npy", np.ones((5, 4)))
        for shape, words in [((3, 5), ["5", "4"]), ((0, 4), ["empty"]), ((2, 3, 4), ["heads"])]:
            self.save("q.npy", np.ones(shape))
            self.fail_with(
                "find",
                "--keys",
                "k.npy",
                "--queries",
                "q.npy",
                "--epsilon",
                EPSILON,
                "--out",
                "r",
                words=["q.npy", *words],
            )

    def test_dtypes(self):
        self.fail_keys(np.ones((4, 4), np.int32), ["<i4"])
        self.fail_keys(np.ones((4, 4), ">f4"), [">f4"])
        self.fail_keys(np.ones((4, 4), complex), ["<c16"])
        self.fail_keys(np.ones((4, 4), [("a", "f4")]), ["structured"])
        self.fail_keys(np.asfortranarray(np.ones((4, 5))), ["Fortran"])

    def test_truncated(self):
        whole = npy_bytes(np.ones((1000, 8), np.float32))
        for keep in [0, 3, 6, 9, 60]:
            self.fail_keys(whole[:keep], [])
        (self.folder / "k.npy").write_bytes(whole[:-100])
        self.fail_with(
            "find",
            "--keys",
            "k.npy",
            "--epsilon",
            EPSILON,
            "--out",
            "r",
            words=["k.npy", "truncated", 31900, 32000],
        )
        self.fail_keys(whole + b"x", [])

    def test_missing(self):
        self.fail_with("find", "--keys", "none.npy", "--epsilon", EPSILON, words=["none.npy", "No such file"])
        self.fail_with("find", "--keys", ".", "--epsilon", EPSILON, words=["directory"])
        self.fail_with("show", "none.hks", words=["none.hks"])
        self.fail_with("show", ".", words=["."])

    def test_safetensors(self):
        write_safetensors(
            self.folder / "k.safetensors",
            {"b": ("F32", np.ones((4, 4), np.float32)), "i": ("I64", np.ones((4, 4), np.int64))},
        )
        common = ["--epsilon", EPSILON, "--out", "r"]
        self.fail_with("find", "--keys", "k.safetensors", *common, words=["b, i"])
        self.fail_with("find", "--keys", "k.safetensors:a", *common, words=["no tensor a", "b, i"])
        self.fail_with("find", "--keys", "k.safetensors:i", *common, words=["k.safetensors:i", "I64"])

    def test_a_pipe_that_closes_early(self):
        whole = npy_bytes(np.ones((200_000, 16), np.float32))
        rows = 150_000
        cut = whole[: len(whole) - (200_000 - rows) * 64 + 7]
        self.fail_with(
            "find",
            "--keys",
            "-",
            "--epsilon",
            EPSILON,
            "--out",
            "r",
            stdin=cut,
            words=["stdin", f"{rows} of 200000 rows"],
        )
        self.fail_with(
            "sketch",
            "--keys",
            "-",
            "--epsilon",
            EPSILON,
            "--out",
            "s.hks",
            stdin=cut,
            words=["stdin", f"{rows} of 200000 rows"],
        )

    def test_an_error_does_not_wait_for_a_slow_writer(self):
        keys = np.ones((2_000_000, 16), np.float32)
        keys[5, 2] = np.nan
        with subprocess.Popen(
            [BINARY, "find", "--keys", "-", "--epsilon", "0.1"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        ) as run:
            try:
                run.stdin.write(npy_bytes(keys)[:100_000_000])
            except BrokenPipeError:
                pass
            start = time.monotonic()
            while run.poll() is None and time.monotonic() - start < 10:
                time.sleep(0.05)  # stdin stays open
            self.assertEqual(run.poll(), 2)
            self.assertIn(b"row 5", run.stderr.read())
            run.stdin.close()


class BadStateTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.save("k.npy", spiked_keys(self.rng, 3000, 4, np.float32))
        self.succeed("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "s.hks")
        self.state = (self.folder / "s.hks").read_bytes()

    def fail_state(self, data, words=()):
        (self.folder / "bad.hks").write_bytes(data)
        for arguments in [
            ("show", "bad.hks"),
            ("finalize", "bad.hks", "--out", "r"),
            ("merge", "s.hks", "bad.hks", "--out", "m.hks"),
            ("sketch", "--keys", "k.npy", "--resume", "bad.hks", "--out", "m.hks"),
        ]:
            self.fail_with(*arguments, words=["bad.hks", *words])

    def test_corrupt(self):
        self.fail_state(b"")
        self.fail_state(b"not a state file at all")
        self.fail_state(self.state[:-1])
        self.fail_state(self.state + b"x")
        for position in range(0, len(self.state), max(1, len(self.state) // 40)):
            flipped = bytearray(self.state)
            flipped[position] ^= 0x10
            (self.folder / "bad.hks").write_bytes(flipped)
            self.fail_with("show", "bad.hks", words=["bad.hks"])

    def test_newer_version(self):
        newer = self.state[:8] + (1000).to_bytes(4, "little") + self.state[12:]
        self.fail_state(newer, ["version", 1000])

    def test_other_specs_and_rows_twice(self):
        self.succeed("sketch", "--keys", "k.npy", "--epsilon", 0.2, "--out", "other.hks")
        self.fail_with("merge", "s.hks", "other.hks", "--out", "m.hks", words=["other.hks", "0.1", "0.2"])
        self.fail_with("merge", "s.hks", "s.hks", "--out", "m.hks", words=["s.hks"])
        self.fail_with(
            "sketch",
            "--keys",
            "k.npy",
            "--resume",
            "s.hks",
            "--epsilon",
            0.2,
            "--out",
            "m.hks",
            words=["s.hks", "0.1", "0.2"],
        )
        self.save("wide.npy", np.ones((3000, 5), np.float32))
        self.fail_with(
            "sketch", "--keys", "wide.npy", "--resume", "s.hks", "--out", "m.hks", words=["4", "5"]
        )
        self.save("half.npy", np.ones((4000, 4), np.float16))
        self.fail_with(
            "sketch", "--keys", "half.npy", "--resume", "s.hks", "--out", "m.hks", words=["float16"]
        )

    def test_an_unwritable_result_is_exit_1(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        for name in ["/dev/full", "/dev/stdout"]:  # a device, and a link to a pipe
            done = self.run_command("merge", "s.hks", "--out", name)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count(b"\n"), 1)
            self.assertIn(b"not a regular file", done.stderr)
            self.assertFalse(os.path.isfile(name))


if __name__ == "__main__":
    unittest.main()
