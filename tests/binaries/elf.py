"""Reads symbols and headers of ELF files with binutils."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(variable):
    """The files that the build names in an environment variable."""
    return [Path(name) for name in os.environ[variable].split(":")]


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Symbol:
    name: str  # demangled
    version: str  # "" without one
    binding: str  # LOCAL, GLOBAL, WEAK, UNIQUE
    visibility: str  # DEFAULT, HIDDEN, ...
    defined: bool


def symbols(file, dynamic):
    """Of a shared library or a program those that the dynamic linker sees, of an archive all of its objects."""
    rows = []
    for line in run("readelf", "-W", "--dyn-syms" if dynamic else "-s", file).splitlines():
        part = line.split()
        if len(part) >= 8 and part[0].rstrip(":").isdigit() and part[3] != "SECTION":
            rows.append((part[7], part[4], part[5], part[6] != "UND"))
    mangled = [re.sub(r"@.*", "", row[0]) for row in rows]
    names = subprocess.run(["c++filt"], input="\n".join(mangled), check=True, capture_output=True, text=True)
    found = set()
    for name, row in zip(names.stdout.splitlines(), rows):
        version = re.search(r"@+(\S+)", row[0])
        found.add(Symbol(name, version.group(1) if version else "", row[1], row[2], row[3]))
    return found


def exported(file):
    """What a program could link against; the names of versions themselves left out."""
    return {s for s in symbols(file, True) if s.defined and s.binding != "LOCAL" and not s.name.startswith("HEAVYKEYS")}


def imported(file):
    return {s.name for s in symbols(file, True) if not s.defined}
