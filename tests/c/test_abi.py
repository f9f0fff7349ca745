"""The ABI is as tests/c/abi.txt keeps it: names, prototypes, numbers, layouts; and the library shows nothing else.

A line may be added to abi.txt. Changing or taking away one breaks programs that were built: that needs a new soname.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import elf
import test_hardening

HEADERS = [elf.ROOT / "include/heavykeys" / name for name in ("c_base.h", "heavykeys.h")]
HEADER = HEADERS[-1]  # what a program includes
TEXT = "".join(header.read_text() for header in HEADERS)
LIBRARY = Path(os.environ["HEAVYKEYS_C_LIBRARY"])
KEPT = (Path(__file__).parent / "abi.txt").read_text().splitlines()


def code(header):
    """The header without comments and preprocessor, spaces made single."""
    text = re.sub(r"//[^\n]*|^#[^\n]*", "", header, flags=re.M)
    return re.sub(r"\s+", " ", text).replace("( ", "(")


def declared(header):
    """What the header declares, in the words of abi.txt; of fields without their offsets."""
    text = code(header)
    found = [f"function {text}" for text in re.findall(r"(?<=[;{}]) ((?:const )?\w+\*? heavykeys_\w+\([^;]*\));", text)]
    for body in re.findall(r"enum \{([^}]*)\}", text):
        found += [f"number {name} {value}" for name, value in re.findall(r"(\w+) = (-?\d+)", body)]
    for name, body in re.findall(r"typedef struct (\w+) \{([^}]*)\}", text):
        found += [f"field {name} {field.strip()}" for field in body.split(";") if field.strip()]
    found += [f"type {kind}" for kind in re.findall(r"typedef ((?!struct \w+ \{)[^;{]+);", text)]
    return found


def kept(kind):
    return [line for line in KEPT if line.startswith(kind + " ")]


def without_offset(line):
    return re.sub(r" @ \d+$", "", line)


def names(lines):
    return {re.search(r"(\w+)\(", line).group(1) for line in lines}


def layout_program(lines):
    """A program in C that compiles where structs are laid out as the lines say."""
    asserts = ["#include <stddef.h>", "#include <heavykeys/heavykeys.h>"]
    for line in lines:
        if field := re.fullmatch(r"field (\w+) .*?(\w+) @ (\d+)", line):
            struct, name, offset = field.groups()
            asserts.append(f'_Static_assert(offsetof({struct}, {name}) == {offset}, "{struct}.{name}");')
        elif size := re.fullmatch(r"size (\w+) (\d+)", line):
            asserts.append(f'_Static_assert(sizeof({size.group(1)}) == {size.group(2)}, "{size.group(1)}");')
    return "\n".join(asserts) + "\n"


def compiles(text):
    command = [os.environ["CC"], "-std=c11", "-fsyntax-only", f"-I{elf.ROOT}/include", "-x", "c", "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True).returncode == 0


def shown(file):
    return {symbol.name for symbol in elf.symbols(file, True) if symbol.defined and symbol.binding != "LOCAL"} - {"HEAVYKEYS_C_0"}


class AbiTest(unittest.TestCase):
    def test_the_header_declares_what_is_kept(self):
        found = declared(TEXT)
        wanted = [without_offset(line) for line in KEPT if line.split(" ")[0] in ("function", "number", "field", "type")]
        self.assertEqual(sorted(found), sorted(wanted))
        self.assertGreater(len(kept("function")), 40)

    def test_structs_are_laid_out_as_kept(self):
        lines = kept("field") + kept("size")
        structs = {line.split(" ")[1] for line in lines}
        self.assertEqual({line.split(" ")[1] for line in kept("size")}, structs)
        self.assertTrue(all(" @ " in line for line in kept("field")))
        self.assertTrue(compiles(layout_program(lines)))

    def test_another_layout_would_be_seen(self):
        for line in kept("field") + kept("size"):
            head, number = line.rsplit(" ", 1)
            self.assertFalse(compiles(layout_program([f"{head} {int(number) + 8}"])), line)

    def test_exactly_the_functions_of_the_header_are_shown_under_their_version(self):
        self.assertEqual(shown(LIBRARY), names(kept("function")))
        versions = {symbol.version for symbol in elf.exported(LIBRARY)}
        self.assertEqual(versions, {"HEAVYKEYS_C_0"})

    def test_the_soname_is_that_of_the_abi(self):
        self.assertIn("Library soname: [libheavykeys_c.so.0]", elf.run("readelf", "-dW", LIBRARY))

    def test_nothing_private_of_ours_is_needed(self):
        needed = [symbol.name for symbol in elf.symbols(LIBRARY, True) if symbol.version == "HEAVYKEYS_PRIVATE"]
        libraries = elf.run("readelf", "-dW", LIBRARY)
        self.assertTrue(not needed or "libheavykeys_core" in libraries)

    def test_memory_comes_by_operator_new_alone(self):
        """Which throws; what answers NULL has to be looked at by each caller, and once was not."""
        needed = {symbol.name for symbol in elf.symbols(LIBRARY, True) if not symbol.defined}
        self.assertTrue(any(name.startswith("operator new(") or name.startswith("_Znwm") for name in needed), needed)
        null = re.compile(r"(hwy::AllocateAligned|(m|c|re|v|pv)alloc$|aligned_alloc|memalign|strn?dup)")
        self.assertEqual([name for name in needed if null.match(name)], [])

    def test_leaks_and_gaps_would_be_seen(self):
        """A symbol too many, one that is missing, and a prototype that changed."""
        source = """extern "C" { [[gnu::visibility("default")]] int heavykeys_version() { return 1; } }
            namespace heavykeys { [[gnu::visibility("default")]] int leaked() { return 1; } }"""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "libleak.so"
            subprocess.run([os.environ["CXX"], "-std=c++20", "-shared", "-fPIC", "-x", "c++", "-", "-o", file],
                           input=source, text=True, check=True)
            self.assertIn("heavykeys::leaked()", shown(file) - names(kept("function")))
            self.assertIn("heavykeys_last_error", names(kept("function")) - shown(file))
        header = TEXT
        for before, after in (("uint64_t stream,", "int64_t stream,"), ("HEAVYKEYS_CORRUPT = 3", "HEAVYKEYS_CORRUPT = 30"),
                              ("uint64_t seed;", "uint64_t seeds;"), ("typedef int32_t heavykeys_mode", "typedef int64_t heavykeys_mode")):
            self.assertIn(before, header)
            self.assertNotEqual(sorted(declared(header.replace(before, after))), sorted(declared(header)))

    def test_the_caller_in_c_calls_every_function(self):
        walked = "".join(file.read_text() for file in Path(__file__).parent.glob("walk*.c"))
        called = set(re.findall(r"\bheavykeys_\w+(?=\()", walked))
        self.assertEqual(names(kept("function")) - called, set())

    def test_the_library_carries_the_hardening(self):
        if os.environ["HEAVYKEYS_HARDENED"] == "1":
            self.assertEqual(test_hardening.lacks(LIBRARY, False), [])


class HeaderTest(unittest.TestCase):
    def test_it_is_c11_and_any_cpp_without_a_warning(self):
        for compiler, language, standard in (("CC", "c", "c11"), ("CXX", "c++", "c++98"), ("CXX", "c++", "c++20")):
            command = [os.environ[compiler], f"-std={standard}", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", f"-I{elf.ROOT}/include"]
            if standard != "c++98":
                command.append("-Wpedantic")  # C++98 has no <stdint.h> and no // of C90, but every compiler of it does
            for header in HEADERS:  # each by itself
                subprocess.run([*command, "-x", language, header], check=True)

    def test_it_includes_its_base_and_that_only_the_standard_library(self):
        included = [re.findall(r"#include (\S+)", code_lines(header)) for header in HEADERS]
        self.assertEqual(included, [["<stdint.h>"], ['"heavykeys/c_base.h"']])

    def test_its_example_runs_and_prints_what_it_says(self):
        comment = HEADER.read_text().split("#ifndef")[0]
        example = "".join(line[7:] + "\n" for line in comment.splitlines() if line.startswith("//     ") or line == "//")
        promised = re.findall(r'"(row \d can reach \d\.\d\d)"', comment)
        self.assertEqual(len(promised), 2)
        with tempfile.TemporaryDirectory() as folder:
            command = [os.environ["CC"], "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{elf.ROOT}/include"]
            command += ["-x", "c", "-", "-x", "none", LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}", "-o", f"{folder}/program"]
            subprocess.run(command, input=example, text=True, check=True)
            self.assertEqual(elf.run(f"{folder}/program").splitlines(), promised)


def code_lines(header):
    return "\n".join(line for line in header.read_text().splitlines() if not line.startswith("//"))


if __name__ == "__main__":
    unittest.main()
