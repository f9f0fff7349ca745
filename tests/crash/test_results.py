"""merge, find, finalize, scan, eigen and plant, each with an older result in place and without:
every call fails once, and the process is killed before and after each. What is there then is the older result,
the new one, or a folder without its summary, which nobody takes for a result; and the next run ends well.
HEAVYKEYS_EVERY_FAULT=1 for all faults at each call (minutes)."""

import errno
import os
import shutil
import unittest

import numpy as np

from crashes import BINARY, CrashTest, is_temporary
from durable import Disk

FAULTS = [errno.ENOSPC, "kill-before", errno.EIO, "kill-after"]
EVERY_FAULT = os.environ.get("HEAVYKEYS_EVERY_FAULT") == "1"  # else each call has one of them in turn
EPSILON = ["--epsilon", "0.02"]


def is_temporary_file(rename):
    """True where one file takes its name, false where a result takes its place."""
    return ".tmp-" in rename.what


class ResultTest(CrashTest):
    def setUp(self):
        super().setUp()
        for name in ("old", "new"):
            keys = self.rng.standard_normal((3, 300, 4)).astype(np.float32)
            np.save(self.outside / f"{name}-heads.npy", keys)
            np.save(self.outside / f"{name}.npy", keys[0])
            self.prepare("sketch", "--keys", f"{name}.npy", *EPSILON, "--out", f"{name}.hks")
            self.prepare("sketch", "--keys", f"{name}.npy", *EPSILON, "--first-row", 300, "--out", f"{name}-2.hks")
        np.save(self.outside / "q.npy", self.rng.standard_normal((5, 4)).astype(np.float32))
        self.prepare("find", "--keys", "old.npy", *EPSILON, "--out", "kept")

    def prepare(self, *arguments):
        self.folder, before = self.outside, self.folder
        self.succeed(*arguments, "--engine", "streaming", "--quiet")
        self.folder = before

    def clear(self):
        for path in sorted(self.work.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def keep_old(self):
        out = self.work / "out"
        (shutil.copytree if out.is_dir() else shutil.copy)(out, self.outside / "old-out")

    def begin(self, replaces):
        self.clear()
        old = self.outside / "old-out"
        if replaces:
            (shutil.copytree if old.is_dir() else shutil.copy)(old, self.work / "out")

    def content(self):
        """Files of the result, or None where there is none or it is not finished."""
        out = self.work / "out"
        if out.is_file():
            return out.read_bytes()
        if not (out / "summary.json").exists():
            return None
        files = (p for p in sorted(out.rglob("*.npy")) if not any(map(is_temporary, p.relative_to(out).parts)))
        return {str(p.relative_to(out)): p.read_bytes() for p in files}

    def make(self, command):
        done = self.run_with(*command)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return self.content()

    def check(self, old, new, is_folder=True):
        """`old` and `new`: commands that write ./out."""
        old, new = ([BINARY, *map(str, c), "--out", "out"] for c in (old, new))
        old_content = self.make(old)
        self.keep_old()
        for replaces in (False, True):
            self.begin(replaces)
            new_content = self.make(new)
            self.assertNotEqual(new_content, old_content)
            calls = self.calls()
            durable = Disk().follow(calls)
            if not replaces:
                names = new_content if is_folder else [""]
                self.assertGreaterEqual(durable, {str(self.work / "out" / n) for n in names})
            for call in calls:
                every = EVERY_FAULT or (call.name == "rename" and not is_temporary_file(call))
                for do in FAULTS if every else [FAULTS[call.number % len(FAULTS)]]:
                    with self.subTest(replaces=replaces, call=call, do=do):
                        self.begin(replaces)
                        done = self.run_with(*new, at=call.number, do=do)
                        now = self.content()
                        allowed = [new_content, old_content if replaces else None]
                        if replaces and is_folder and not (self.work / "out" / "summary.json").exists():
                            allowed.append(None)
                        self.assertIn(now, allowed)
                        if str(do).startswith("kill"):
                            self.assert_killed(done)
                        elif call.name in ("close", "unlink") and done.returncode == 0:
                            self.assertEqual(now, new_content)  # of a folder that is synced; of what is left over
                        else:
                            named = str(self.work) if is_folder and call.what == str(self.work) else "out"
                            self.assert_one_line(done, 1, [named, os.strerror(do)])
                            if call.name != "unlink":
                                self.assertEqual(self.temporaries(), [])
                        if EVERY_FAULT or call.number % 5 == 0:
                            self.assertEqual(self.make(new), new_content)

    def input(self, name):
        return self.outside / name

    def test_merge(self):
        commands = (["merge", self.input(f"{n}.hks"), self.input(f"{n}-2.hks")] for n in ("old", "new"))
        self.check(*commands, is_folder=False)

    def test_find(self):
        self.check(*(["find", "--keys", self.input(f"{n}.npy"), *EPSILON, "--quiet", "--engine", "streaming"]
                     for n in ("old", "new")))

    def test_find_heads(self):
        self.check(*(["find", "--keys", self.input(f"{n}-heads.npy"), *EPSILON, "--quiet", "--engine", "streaming"]
                     for n in ("old", "new")))

    def test_finalize(self):
        self.check(*(["finalize", self.input(f"{n}.hks"), "--queries", self.input("q.npy"), "--quiet"]
                     for n in ("old", "new")))

    def test_scan(self):
        self.check(*(["scan", "--keys", self.input(f"{n}.npy"), "--queries", self.input("q.npy"), *EPSILON,
                      "--score", "softmax", "--quiet", "--engine", "streaming"] for n in ("old", "new")))

    def test_eigen(self):
        self.check(*(["eigen", "--queries", self.input(f"{n}-heads.npy"), "--keys", self.input(f"{n}-heads.npy"),
                      "--window", 5, "--quiet", "--engine", "streaming"] for n in ("old", "new")))

    def test_plant(self):
        self.check(*(["plant", "--random", 8, "--seed", seed, "--quiet"] for seed in (1, 2)))

    def test_what_others_are_writing_stays(self):
        """Another run, in another container, may have our process number, and write into the same folders."""
        find = [BINARY, "find", "--keys", self.input("old.npy"), *EPSILON, "--quiet", "--engine", "streaming"]
        for folder in (".", "out"):  # there is no DIR; there is one
            with self.subTest(folder=folder):
                script = (f'other={folder}/.heavykeys-tmp-$$; mkdir "$other" {folder}/.heavykeys-tmp-1 && '
                          'echo live | tee "$other/leverage.npy" > "$other/../.heavykeys-tmp-1/leverage.npy" && '
                          'exec "$@"')
                done = self.run_with("sh", "-c", script, "sh", *find, "--out", "out")
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                self.assertTrue((self.work / "out" / "summary.json").exists())
                left = sorted((self.work / folder).glob(".heavykeys-tmp-*/*"))
                self.assertEqual([p.read_text() for p in left], ["live\n"] * 2)

    def test_the_mode_of_results_is_the_umasks(self):
        find = [BINARY, "find", "--keys", self.input("old.npy"), *EPSILON, "--quiet", "--engine", "streaming"]
        for umask, folder_mode, file_mode in [("022", 0o755, 0o644), ("027", 0o750, 0o640), ("077", 0o700, 0o600)]:
            self.clear()
            done = self.run_with("sh", "-c", f'umask {umask}; exec "$@"', "sh", *find, "--out", "out")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            out = self.work / "out"
            self.assertEqual(out.stat().st_mode & 0o7777, folder_mode)
            self.assertEqual({p.stat().st_mode & 0o7777 for p in out.iterdir()}, {file_mode})

    def test_a_folder_that_is_not_finished_is_no_result(self):
        (self.outside / "kept" / "summary.json").unlink()
        done = self.run_with(BINARY, "scan", "--keys", self.input("old.npy"), "--queries", self.input("q.npy"),
                             *EPSILON, "--score", "softmax", "--audit", self.input("kept"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"kept: has no summary.json: the run that wrote it did not finish", done.stderr)


if __name__ == "__main__":
    unittest.main()
