"""Every call by which a streaming run changes files fails once, in every way a disk can: one line that names the
file and the reason, exit code 1, the last good checkpoint intact, nothing left over, and the next run ends with
the bytes of an unbroken one. The order of the calls is that of docs/reliability.md."""

import errno
import os
import unittest

import numpy as np

from crashes import BINARY, CrashTest, complete_generations, state_rows
from durable import Disk

ROWS, EVERY = 3000, 800
ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS]


class CheckpointTest(CrashTest):
    def setUp(self):
        super().setUp()
        np.save(self.outside / "k.npy", self.rng.standard_normal((ROWS, 6)).astype(np.float32))
        common = [BINARY, "sketch", "--keys", self.outside / "k.npy", "--epsilon", "0.05", "--engine", "streaming"]
        self.job = [*common, "--out", "s.hks", "--checkpoint", "saved", "--checkpoint-every", EVERY, "--quiet"]
        self.assertEqual(self.run_with(*common, "--out", self.outside / "whole.hks", "--quiet").returncode, 0)
        self.whole = (self.outside / "whole.hks").read_bytes()
        done = self.run_with(*self.job)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.unbroken = self.calls()
        self.assertEqual((self.work / "s.hks").read_bytes(), self.whole)
        self.clear()

    def clear(self):
        for path in sorted(self.work.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def go_on(self):
        """The next run, with nothing failing."""
        done = self.run_with(*self.job)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual((self.work / "s.hks").read_bytes(), self.whole)
        self.assertFalse((self.work / "saved").exists())

    def named_in(self, call):
        """The file that a failure of this call is about."""
        result = next(c.number for c in self.unbroken if "s.hks" in c.what)
        if "saved/" in call.what:
            return "-rank-0000-of-0001.hks"
        if call.what.endswith("/saved"):  # before a save, or at the end of all
            return "-rank-0000-of-0001.hks" if call.name in ("open-folder", "fsync") else "saved"
        return "s.hks" if call.number >= result - 1 else str(self.work)

    def saves_that_last(self):
        """Rows in the last save whose folder was synced, by the log."""
        disk, last = Disk(), 0
        for call in self.calls():
            if call.result != "done":
                break
            disk.step(call)
            generations = [p for p in disk.durable if "/saved/g" in p]
            if generations:
                last = max(last, max(int(p.rsplit("/g", 1)[1][:6]) for p in generations))
        return min(ROWS, last * EVERY)

    def assert_last_save_is_there(self):
        """Unless the result is."""
        least = self.saves_that_last()
        if (self.work / "s.hks").exists():
            return self.assertEqual((self.work / "s.hks").read_bytes(), self.whole)
        rows = [state_rows(path) for path in complete_generations(self.work / "saved")]
        self.assertGreaterEqual(max(rows, default=0), least)

    def test_written_synced_renamed_and_the_folder_synced(self):
        def there(durable):
            return any("/saved/g" in p for p in durable) or str(self.work / "s.hks") in durable

        disk = Disk()
        durable = disk.follow(self.unbroken, there)
        self.assertEqual(durable, {str(self.work / "s.hks")})
        self.assertGreater(len(self.unbroken), 40)
        second = next(c.number for c in self.unbroken if c.name == "open" and "g000002" in c.what)
        after_one = Disk().follow(self.unbroken[: second - 2])  # less the folder's opening: the folder too is kept
        self.assertEqual([os.path.basename(p) for p in after_one], ["g000001-rank-0000-of-0001.hks"])
        one_save = [c.name for c in self.unbroken if "g000002" in c.what or c.name == "open-folder"]
        start = one_save.index("open")
        self.assertEqual(one_save[start : start + 5], ["open", "write", "fsync", "close", "rename"])

    def test_each_call_fails_once(self):
        for number in ERRORS:
            for call in self.unbroken:
                with self.subTest(error=errno.errorcode[number], call=call):
                    self.clear()
                    done = self.run_with(*self.job, at=call.number, do=number)
                    failed = [c for c in self.calls() if c.result == f"errno {number}"]
                    self.assertEqual([(c.name, c.number) for c in failed], [(call.name, call.number)])
                    if call.name == "close" and not call.what.split("/")[-1].startswith(("g0", "s.hks")):
                        self.assertEqual(done.returncode, 0)  # of a folder that is synced already
                        continue
                    self.assert_one_line(done, 1, [self.named_in(call) + ": ", os.strerror(number)])
                    self.assertEqual(self.temporaries(), [])
                    self.assert_last_save_is_there()
                    self.go_on()

    def test_the_disk_is_full_from_some_call_on(self):
        for call in self.unbroken:
            if call.name in ("unlink", "close", "open-folder"):
                continue
            with self.subTest(call=call):
                self.clear()
                done = self.run_with(*self.job, at=call.number, do=errno.ENOSPC, all_later=True)
                self.assert_one_line(done, 1, [os.strerror(errno.ENOSPC)])
                self.assertEqual(self.temporaries(), [])
                self.assert_last_save_is_there()
                self.go_on()

    def test_short_and_interrupted_writes_go_on(self):
        for call in self.unbroken:
            if call.name != "write":
                continue
            for do in ("short", errno.EINTR):
                with self.subTest(call=call, do=do):
                    self.clear()
                    done = self.run_with(*self.job, at=call.number, do=do)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    self.assertEqual(len(self.calls()), len(self.unbroken) + 1)
                    self.assertEqual((self.work / "s.hks").read_bytes(), self.whole)

    def test_folders_that_cannot_be_synced_are_no_error(self):
        syncs = [c for c in self.unbroken if c.name == "fsync" and c.what.endswith(("/saved", "/work"))]
        self.assertGreaterEqual(len(syncs), 5)
        for call in syncs:
            done = self.run_with(*self.job, at=call.number, do=errno.EINVAL)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual((self.work / "s.hks").read_bytes(), self.whole)
            self.clear()

    def test_killed_before_and_after_each_call(self):
        for call in self.unbroken:
            for do in ("kill-before", "kill-after"):
                with self.subTest(call=call, do=do):
                    self.clear()
                    self.assert_killed(self.run_with(*self.job, at=call.number, do=do))
                    self.assert_last_save_is_there()
                    self.go_on()

    def test_what_was_there_before_stays(self):
        """A result of an earlier run is there until the new one is."""
        for call in self.unbroken[-14:]:
            self.clear()
            (self.work / "s.hks").write_bytes(b"of an earlier run")
            done = self.run_with(*self.job, at=call.number, do=errno.EIO)
            renamed = any(c.name == "rename" and "s.hks" in c.what and c.result == "done" for c in self.calls())
            with self.subTest(call=call, renamed=renamed):
                self.assertIn(done.returncode, (0, 1))
                expected = self.whole if renamed else b"of an earlier run"
                self.assertEqual((self.work / "s.hks").read_bytes(), expected)


if __name__ == "__main__":
    unittest.main()
