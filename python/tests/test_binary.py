"""The extension module, looked at from outside: one symbol, hardened, no call of the network, the project's version."""

import re
import subprocess
from pathlib import Path

import heavykeys

MODULE = Path(heavykeys._core.__file__)
ROOT = Path(__file__).resolve().parents[2]


def readelf(*options: str) -> str:
    command = ["readelf", "-W", *options, str(MODULE)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout


def dynamic_symbols() -> "tuple[set[str], set[str]]":
    """Names that the module shows, and those that it asks for."""
    shown, asked = set(), set()
    for line in readelf("--dyn-syms").splitlines():
        part = line.split()
        if len(part) >= 8 and part[0].rstrip(":").isdigit():
            name = part[7].split("@")[0]
            (asked if part[6] == "UND" else shown).add(name)
    return shown, asked


def test_one_symbol_is_shown() -> None:
    assert dynamic_symbols()[0] == {"PyInit__core"}


def test_it_is_hardened() -> None:
    assert "__stack_chk_fail" in dynamic_symbols()[1]
    segments = readelf("-l")
    assert "GNU_RELRO" in segments
    stack = next(s for s in segments.splitlines() if "GNU_STACK" in s)
    assert "RWE" not in stack
    assert re.search(r"BIND_NOW|FLAGS_1.*NOW", readelf("-d"))


def test_it_asks_for_no_network() -> None:
    network = {"socket", "connect", "bind", "getaddrinfo", "gethostbyname"}
    assert not dynamic_symbols()[1] & network


def test_the_version_is_the_project_s() -> None:
    text = (ROOT / "CMakeLists.txt").read_text()
    version = re.search(r"project\(heavykeys VERSION (\S+)", text)
    assert version is not None
    assert heavykeys.__version__ == version.group(1)
