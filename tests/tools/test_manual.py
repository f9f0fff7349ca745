"""The manual page and the completions: what they say is what the command says, and a shell can use them."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from command import BINARY

ROOT = Path(__file__).resolve().parents[2]
SHARE = ROOT / "tools" / "share"


def complete(*words: str) -> list[str]:
    """What bash offers after these words, the last of which is being typed."""
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _heavykeys; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", str(SHARE / "heavykeys.bash"), *words],
                          capture_output=True, text=True, cwd=ROOT / "tests" / "data", check=True)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


class ManualTest(unittest.TestCase):
    def help_of(self, *arguments: str) -> str:
        return subprocess.run([BINARY, *arguments, "--help"], capture_output=True, text=True, check=True).stdout

    def test_they_are_what_the_command_says(self):
        done = subprocess.run([ROOT / "scripts/manual", BINARY, "--check"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_changed_command_is_seen(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        other = Path(folder.name) / "heavykeys"
        other.write_text(f'#!/bin/sh\n"{os.path.abspath(BINARY)}" "$@" | sed s/--quiet/--silent/\n')
        other.chmod(0o755)
        done = subprocess.run([ROOT / "scripts/manual", other, "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        for name in ("heavykeys.1", "heavykeys.bash", "_heavykeys", "heavykeys.fish"):
            self.assertIn(f"tools/share/{name} is not what", done.stderr)

    def test_every_option_of_every_verb_is_in_the_manual(self):
        page = (SHARE / "heavykeys.1").read_text().replace("\\-", "-")
        verbs = re.findall(r"^  (\w+)  ", self.help_of().split("Subcommands:")[1], re.M)
        self.assertGreaterEqual(len(verbs), 11)
        for verb in verbs:
            section = page.split(f".SH {verb.upper()}\n")[1].split(".SH ")[0]
            for option in re.findall(r"^  (?:-h,)?(--[\w-]+)", self.help_of(verb), re.M):
                self.assertIn(f"\\fB{option}\\fR", section, verb)

    def test_groff_has_no_complaint(self):
        self.assertIsNotNone(shutil.which("groff"), "groff-base is part of Debian's base")
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", SHARE / "heavykeys.1"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
        self.assertIn("heavykeys find --keys K --epsilon E [options]", text)
        self.assertIn("HEAVYKEYS_ISA", text)

    def test_bash_offers_verbs_options_choices_and_files(self):
        self.assertEqual(complete("heavykeys", "fi"), ["find", "finalize"])
        self.assertEqual(complete("heavykeys", "find", "--ep"), ["--epsilon"])
        self.assertEqual(complete("heavykeys", "find", "--mode", "no-false-p"), ["no-false-positives"])
        self.assertEqual(complete("heavykeys", "scan", "--keys", "stream_k"), ["stream_keys.npy"])
        self.assertEqual(complete("heavykeys", "show", "heads.s"), ["heads.safetensors"])
        self.assertEqual(complete("heavykeys", "find", "--engine", "o"), ["openmp"])
        self.assertEqual(complete("heavykeys", "find", "--epsilon", "s"), [])  # a number, no file
        self.assertEqual(complete("heavykeys", "merge", "--ep"), [])  # has no such option


if __name__ == "__main__":
    unittest.main()
