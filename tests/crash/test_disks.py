"""A disk that is full, and one that is read-only: real ones, small and made for the test. Exit code 77, which
ctest reports as not run, where this system lets nobody mount."""

import errno
import os
import subprocess
import sys
import unittest

import numpy as np

from crashes import BINARY, CrashTest, complete_generations, state_rows

ROWS, EVERY = 6000, 1000


def enter_namespace():
    """Starts again where mounts are this process's own."""
    if os.environ.get("HEAVYKEYS_OWN_MOUNTS"):
        return
    os.environ["HEAVYKEYS_OWN_MOUNTS"] = "1"
    trial = "d=$(mktemp -d) && mount -t tmpfs -o size=64k none $d && umount $d && rmdir $d"
    for options in (["--mount"], ["--mount", "--user", "--map-root-user"]):
        try:
            if subprocess.run(["unshare", *options, "sh", "-c", trial], capture_output=True).returncode == 0:
                os.execvp("unshare", ["unshare", *options, sys.executable, "-B", *sys.argv])
        except FileNotFoundError:
            break
    print("not run: this system does not let us mount a disk")
    sys.exit(77)


class DiskTest(CrashTest):
    def setUp(self):
        super().setUp()
        np.save(self.outside / "k.npy", self.rng.standard_normal((ROWS, 16)).astype(np.float32))
        common = ["sketch", "--keys", self.outside / "k.npy", "--epsilon", "0.02", "--engine", "streaming", "--quiet"]
        self.succeed(*common, "--out", self.outside / "whole.hks")
        self.job = [BINARY, *common, "--out", "s.hks", "--checkpoint", "saved", "--checkpoint-every", EVERY]
        self.find = [BINARY, "find", "--keys", self.outside / "k.npy", "--epsilon", "0.02", "--quiet", "--out", "r"]

    def mount(self, kilobytes):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", self.work], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.work], check=True)

    def again(self, *options):
        subprocess.run(["mount", "-o", "remount,bind," + ",".join(options), self.work], check=True)

    def run_plainly(self, command):
        return subprocess.run(list(map(str, command)), cwd=self.work, capture_output=True, timeout=120)

    def go_on(self):
        done = self.run_plainly(self.job)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual((self.work / "s.hks").read_bytes(), (self.outside / "whole.hks").read_bytes())
        self.assertFalse((self.work / "saved").exists())

    def saved_rows(self):
        return max((state_rows(path) for path in complete_generations(self.work / "saved")), default=0)

    def cut_off(self):
        """Some saves, and the process gone."""
        calls = 34  # of about 9 a save
        self.assert_killed(self.run_with(*self.job, at=calls, do="kill-after"))
        self.assertGreaterEqual(self.saved_rows(), 2 * EVERY)
        return self.saved_rows()

    def test_a_full_disk(self):
        size = (self.outside / "whole.hks").stat().st_size // 1024
        failed = with_saves = 0
        self.mount(4 * size + 256)
        for room in range(8, 3 * size, max(4, size // 12)):  # kilobytes that the run finds free
            with self.subTest(room=room):
                for path in sorted(self.work.rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()
                free = os.statvfs(self.work).f_bavail * os.statvfs(self.work).f_frsize
                (self.work / "ballast").write_bytes(bytes(free - room * 1024))
                done = self.run_plainly(self.job)
                if done.returncode == 0:
                    continue
                failed += 1
                self.assert_one_line(done, 1, [".hks: ", os.strerror(errno.ENOSPC)])
                self.assertEqual(self.temporaries(), [])
                with_saves += self.saved_rows() > 0
                (self.work / "ballast").unlink()
                self.go_on()
        self.assertGreater(failed, 5)
        self.assertGreater(with_saves, 2)

    def test_a_full_disk_keeps_the_older_results(self):
        self.mount(512)
        self.assertEqual(self.run_plainly(self.find).returncode, 0)
        before = {p.name: p.read_bytes() for p in (self.work / "r").iterdir()}
        free = os.statvfs(self.work).f_bavail * os.statvfs(self.work).f_frsize
        (self.work / "ballast").write_bytes(bytes(free))
        done = self.run_plainly(self.find)
        self.assert_one_line(done, 1, ["r", os.strerror(errno.ENOSPC)])
        self.assertEqual({p.name: p.read_bytes() for p in (self.work / "r").iterdir()}, before)

    def test_a_read_only_disk(self):
        self.mount(4096)
        rows = self.cut_off()
        before = {p: p.read_bytes() for p in self.work.rglob("*") if p.is_file()}
        self.again("ro")
        for command in (self.job, self.find, [*self.job[:-4], "--first-row", 7]):
            self.assert_one_line(self.run_plainly(command), 1, [os.strerror(errno.EROFS)])
        self.assertEqual({p: p.read_bytes() for p in self.work.rglob("*") if p.is_file()}, before)
        self.assertEqual(self.saved_rows(), rows)
        self.again("rw")
        self.go_on()

    def test_a_folder_that_one_may_not_write(self):
        """As a user without rights: root may write everywhere."""
        rows = self.cut_off()
        before = {p: p.read_bytes() for p in self.work.rglob("*") if p.is_file()}
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for folder in (self.folder, self.outside, self.work, self.work / "saved"):
            folder.chmod(0o755)
        if subprocess.run([*nobody, "true"], capture_output=True).returncode != 0:
            self.skipTest("setpriv is refused")
        done = self.run_plainly([*nobody, *self.job])
        self.assert_one_line(done, 1, ["saved", os.strerror(errno.EACCES)])
        self.assertEqual({p: p.read_bytes() for p in self.work.rglob("*") if p.is_file()}, before)
        self.assertEqual(self.saved_rows(), rows)
        self.go_on()


if __name__ == "__main__":
    enter_namespace()
    result = unittest.main(exit=False).result
    sys.exit(77 if result.wasSuccessful() and result.skipped else not result.wasSuccessful())
