"""The libraries show their public surface, what siblings use of each other, and nothing else."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import elf

# Of a class the compiler makes these; they belong to its name.
PREFIX = re.compile(r"^(typeinfo for|typeinfo name for|vtable for) ")


def is_ours(name):
    return PREFIX.sub("", name).startswith("heavykeys::")


def is_private(name):
    return PREFIX.sub("", name).startswith("heavykeys::detail::")


def identifiers(name):
    """The path of a name without what stands in brackets: heavykeys::Sketch::spec."""
    text = re.sub(r"\(.*|\[abi:\w+\]", "", PREFIX.sub("", name).replace("(anonymous namespace)", "anonymous"))
    while re.search(r"<[^<>]*>", text):
        text = re.sub(r"<[^<>]*>", "", text)
    return [part.lstrip("~") for part in text.split("::")]


def words(files):
    return set(re.findall(r"\w+", "\n".join(file.read_text() for file in files)))


def declared_publicly(name, known):
    return all(part in known or part.startswith("operator") for part in identifiers(name))


def unexpected(file, known):
    """What a shared library of ours must not show."""
    bad = []
    for symbol in elf.exported(file):
        private = is_private(symbol.name)
        version = "HEAVYKEYS_PRIVATE" if private else "HEAVYKEYS"
        public = not private and is_ours(symbol.name) and declared_publicly(symbol.name, known)
        if not (public or private) or symbol.version != version:
            bad.append(f"{symbol.name} @{symbol.version}")
    return sorted(bad)


class SymbolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.headers = words((elf.ROOT / "include/heavykeys").glob("*.hpp"))
        marked = [
            line
            for file in (elf.ROOT / "lib").glob("*.hpp")
            for line in file.read_text().splitlines()
            if "HEAVYKEYS_SIBLINGS" in line
        ]
        cls.marked = set(re.findall(r"\w+", "\n".join(marked)))

    def test_shared_libraries_show_the_public_surface_and_marked_internals_only(self):
        for file in elf.files("HEAVYKEYS_SHARED"):
            with self.subTest(file.name):
                self.assertEqual(unexpected(file, self.headers), [])
                self.assertTrue(elf.exported(file))

    def test_internals_are_visible_only_where_they_are_marked(self):
        for file in elf.files("HEAVYKEYS_SHARED"):
            with self.subTest(file.name):
                shown = {s.name for s in elf.exported(file) if is_private(s.name)}
                self.assertEqual([n for n in shown if identifiers(n)[2] not in self.marked], [])

    def test_objects_hide_all_else(self):
        for file in elf.files("HEAVYKEYS_ARCHIVES"):
            with self.subTest(file.name):
                shown = {
                    s.name
                    for s in elf.symbols(file, False)
                    if s.defined and s.binding != "LOCAL" and s.visibility == "DEFAULT"
                }
                ours = {n for n in shown if is_ours(n)}
                self.assertEqual([n for n in ours if is_private(n) and identifiers(n)[2] not in self.marked], [])
                third_party = re.compile(r"\b(Eigen|hwy|nlohmann|r123|rigtorp)::")
                self.assertEqual([n for n in shown - ours if third_party.search(n.split("(")[0])], [])

    def test_all_that_the_public_headers_declare_can_be_linked(self):
        """A function of namespace heavykeys is either declared in a public header and shown, or is in detail."""
        for archive, shared in zip(elf.files("HEAVYKEYS_ARCHIVES"), elf.files("HEAVYKEYS_SHARED")):
            with self.subTest(archive.name):
                defined = {
                    s.name
                    for s in elf.symbols(archive, False)
                    if s.defined and s.binding == "GLOBAL" and s.name.startswith("heavykeys::")
                }
                public = {n for n in defined if not is_private(n) and declared_publicly(n, self.headers)}
                shown = {s.name for s in elf.exported(shared)}
                self.assertEqual(sorted(public - shown), [])
                self.assertTrue(public)

    def test_a_leak_would_be_seen(self):
        """A function that no header declares, and an instance of a template of the standard library."""
        source = """#include <vector>
            namespace heavykeys { [[gnu::visibility("default")]] int leaked(int n) { return n; } }
            namespace other { [[gnu::visibility("default")]] void grow(std::vector<char*>& v) { v.push_back(nullptr); } }"""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "libleak.so"
            subprocess.run(
                [os.environ["CXX"], "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden", "-x", "c++", "-", "-o", file],
                input=source, text=True, check=True)
            bad = "\n".join(unexpected(file, self.headers))
        self.assertIn("heavykeys::leaked", bad)
        self.assertIn("other::grow", bad)
        self.assertIn("std::vector", bad)

    def test_the_program_of_a_user_needs_nothing_private(self):
        needed = elf.symbols(os.environ["HEAVYKEYS_PROGRAM"], True)
        self.assertEqual([s.name for s in needed if s.version == "HEAVYKEYS_PRIVATE"], [])
        self.assertTrue(any(s.version == "HEAVYKEYS" for s in needed))


if __name__ == "__main__":
    unittest.main()
