"""What README and docs show runs: every `python` block prints the `text` block that follows it."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT

import heavykeys
from heavykeys import io

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TORCH = re.compile(r"^\s*(import|from) (torch|heavykeys\.torch)\b", re.MULTILINE)
MUST_HAVE_TORCH = os.environ.get("HEAVYKEYS_TEST_TORCH") == "1"


def programs() -> list[tuple[str, str, str]]:
    """(name, program, what it prints), in the order of the documents."""
    found = []
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        blocks = BLOCK.findall(document.read_text(encoding="utf-8"))
        for i, (language, text) in enumerate(blocks):
            if language == "python":
                following, printed = blocks[i + 1]
                assert following == "text", f"{document.name}: a program is followed by what it prints"
                found.append((f"{document.name}-{i}", text, printed))
    return found


PROGRAMS = programs()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("program", "printed"), [p[1:] for p in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_programs_print_what_is_said(folder: Path, program: str, printed: str) -> None:
    if TORCH.search(program) and find_spec("torch") is None and not MUST_HAVE_TORCH:
        pytest.skip("needs torch")
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


def test_there_are_programs() -> None:
    names = {name.rsplit("-", 1)[0] for name, _, _ in PROGRAMS}
    assert {"README.md", "guide.md", "python.md"} <= names


@pytest.mark.parametrize("module", [heavykeys, io], ids=["heavykeys", "heavykeys.io"])
def test_docstrings_print_what_they_say(folder: Path, module) -> None:
    failed, tried = doctest.testmod(module)
    assert tried >= 2 and failed == 0
