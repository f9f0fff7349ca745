"""One version: project() in CMakeLists.txt. All else repeats it."""

import os
import re
import unittest
from pathlib import Path

import elf

BUILD = Path(os.environ["HEAVYKEYS_BUILD"])


def first(pattern, text):
    found = re.search(pattern, text, re.M)
    return found.group(1) if found else None


class VersionTest(unittest.TestCase):
    def setUp(self):
        self.version = first(r"project\(heavykeys VERSION (\S+)", (elf.ROOT / "CMakeLists.txt").read_text())

    def test_it_is_semantic(self):
        self.assertRegex(self.version, r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")

    def test_the_command_and_the_library_say_it(self):
        self.assertIn(self.version, elf.run(os.environ["HEAVYKEYS_BIN"], "--version").split())
        self.assertEqual(elf.run(os.environ["HEAVYKEYS_PROGRAM"]).strip(), self.version)

    def test_what_is_installed_says_it(self):
        for file in sorted(BUILD.glob("heavykeys*.pc")):
            self.assertEqual(first(r"^Version: (\S+)", file.read_text()), self.version, file)
        self.assertTrue((BUILD / "heavykeys.pc").exists())
        package = (BUILD / "heavykeysConfigVersion.cmake").read_text()
        self.assertEqual(first(r'set\(PACKAGE_VERSION "([^"]+)"', package), self.version)

    def test_the_python_package_reads_it(self):
        project = (elf.ROOT / "pyproject.toml").read_text()
        self.assertIsNone(first(r'^version = "([^"]+)"', project))
        self.assertEqual(first(r'^input = "([^"]+)"', project), "CMakeLists.txt")
        pattern = first(r"^regex = '([^']+)'", project)
        self.assertEqual(re.search(pattern, (elf.ROOT / "CMakeLists.txt").read_text())["value"], self.version)

    def test_the_changelog_begins_with_it(self):
        text = (elf.ROOT / "CHANGELOG.md").read_text()
        self.assertEqual(first(r"^## (\S+)", text), self.version)

    def test_shared_libraries_are_named_by_it(self):
        minor = ".".join(self.version.split(".")[:2])
        for file in elf.files("HEAVYKEYS_SHARED"):
            self.assertTrue(file.name.endswith(f".so.{self.version}"), file)
            self.assertIn(f".so.{minor}]", elf.run("readelf", "-dW", file))


if __name__ == "__main__":
    unittest.main()
