"""The command and the shared libraries carry the hardening that cmake/HeavykeysHardening.cmake asks for."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import elf

RELEASE = os.environ["HEAVYKEYS_CONFIG"] in ("Release", "RelWithDebInfo", "MinSizeRel")


def lacks(file, program):
    """Which of the properties the file does not have."""
    segments, dynamic = elf.run("readelf", "-lW", file), elf.run("readelf", "-dW", file)
    stack = next((line for line in segments.splitlines() if "GNU_STACK" in line), "RWE")
    missing = []
    if "GNU_RELRO" not in segments:
        missing.append("read-only relocations")
    if "BIND_NOW" not in dynamic and "NOW" not in dynamic.split("FLAGS_1", 1)[-1]:
        missing.append("all symbols bound at start")
    if "RWE" in stack or " E " in stack:
        missing.append("a stack without code")
    if program and not ("DYN" in elf.run("readelf", "-h", file) and "PIE" in dynamic):
        missing.append("position-independent")
    if "__stack_chk_fail" not in elf.imported(file):
        missing.append("stack protection")
    return missing


@unittest.skipUnless(os.environ["HEAVYKEYS_HARDENED"] == "1", "HEAVYKEYS_HARDENING is off")
class HardeningTest(unittest.TestCase):
    def test_command(self):
        self.assertEqual(lacks(os.environ["HEAVYKEYS_BIN"], True), [])

    def test_shared_libraries(self):
        for file in elf.files("HEAVYKEYS_SHARED"):
            with self.subTest(file.name):
                self.assertEqual(lacks(file, False), [])

    def test_calls_of_libc_are_checked_where_the_build_is_optimised(self):
        checked = [name for name in elf.imported(os.environ["HEAVYKEYS_BIN"]) if name.endswith("_chk")]
        if RELEASE:
            self.assertTrue(checked)
        else:
            self.assertEqual(checked, [])

    def test_indirect_branches_land_on_marks(self):
        if "X86-64" not in elf.run("readelf", "-h", elf.files("HEAVYKEYS_SHARED")[0]):
            self.assertNotIn("IBT", elf.run("readelf", "-nW", elf.files("HEAVYKEYS_ARCHIVES")[0]))
            return
        for file in elf.files("HEAVYKEYS_ARCHIVES"):
            notes = elf.run("readelf", "-nW", file)
            objects = notes.count("\nFile: ")
            self.assertEqual(notes.count("IBT, SHSTK"), objects, file)

    def test_what_lacks_them_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "soft"
            flags = ["-no-pie", "-fno-stack-protector", "-Wl,-z,norelro,-z,lazy,-z,execstack"]
            subprocess.run([os.environ["CXX"], *flags, "-x", "c++", "-", "-o", file],
                           input="int main() {}", text=True, check=True)
            self.assertEqual(len(lacks(file, True)), 5)


if __name__ == "__main__":
    unittest.main()
