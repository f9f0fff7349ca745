"""Neither the build nor what is built asks the network for anything."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import elf
import numpy as np

NETWORK = {"socket", "connect", "bind", "listen", "accept", "accept4", "getaddrinfo", "gethostbyname", "gethostbyname_r",
           "sendto", "recvfrom", "sendmsg", "recvmsg", "curl_easy_init"}
DOWNLOADS = re.compile(r"FetchContent|ExternalProject|CPMAddPackage|file\s*\(\s*DOWNLOAD|\b(curl|wget)\b|\bgit\s+clone\b|"
                       r"^\s*(import|from)\s+(socket|urllib|http|requests|ftplib)\b", re.I | re.M)
STATUS = 97  # of no_network.cpp


def offline(*command, **options):
    """Runs a program that is ended when it asks for a socket."""
    environment = {**os.environ, "LD_PRELOAD": os.environ["HEAVYKEYS_NO_NETWORK"]}
    return subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, **options)


def calls_of_network(file, dynamic):
    return sorted({s.name for s in elf.symbols(file, dynamic) if not s.defined} & NETWORK)


class NetworkTest(unittest.TestCase):
    def test_no_library_and_no_command_imports_a_call_of_the_network(self):
        for file in elf.files("HEAVYKEYS_SHARED") + elf.files("HEAVYKEYS_ARCHIVES") + elf.files("HEAVYKEYS_BIN"):
            with self.subTest(file.name):
                self.assertEqual(calls_of_network(file, file.suffix != ".a"), [])

    def test_no_build_file_and_no_module_downloads(self):
        files = [f for pattern in ("CMakeLists.txt", "**/CMakeLists.txt", "cmake/*", "python/heavykeys/**/*.py", "CMakePresets.json")
                 for f in elf.ROOT.glob(pattern) if f.is_file() and "build" not in f.relative_to(elf.ROOT).parts]
        self.assertGreater(len(files), 20)
        self.assertEqual([str(f) for f in files if DOWNLOADS.search(f.read_text())], [])

    def test_the_command_runs_without(self):
        command = os.environ["HEAVYKEYS_BIN"]
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "keys.npy", np.random.default_rng(1).normal(size=(300, 8)).astype(np.float32))
            for arguments in (
                ["find", "--keys", "keys.npy", "--queries", "keys.npy", "--epsilon", "0.5", "--out", "found"],
                ["scan", "--score", "softmax", "--keys", "keys.npy", "--queries", "keys.npy", "--epsilon", "0.5", "--out", "scanned"],
                ["sketch", "--keys", "keys.npy", "--epsilon", "0.5", "--out", "state.hks"],
                ["show", "state.hks"],
                ["engines"],
            ):
                with self.subTest(arguments[0]):
                    done = offline(command, *arguments, cwd=folder)
                    self.assertEqual(done.returncode, 0, done.stderr)

    def test_configure_and_compile_without(self):
        with tempfile.TemporaryDirectory() as folder:
            build = ["cmake", "-S", elf.ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DHEAVYKEYS_CUDA=OFF", "-DHEAVYKEYS_TESTS=OFF", f"-DCMAKE_CXX_COMPILER={os.environ['CXX']}"]
            done = offline(*build)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = offline("ninja", "-C", folder, "lib/CMakeFiles/heavykeys_core.dir/spec.cpp.o")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_who_asks_is_seen(self):
        call = "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)"
        self.assertEqual(offline(sys.executable, "-c", call).returncode, STATUS)
        self.assertTrue(DOWNLOADS.search("include(FetchContent)"))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "calls"
            source = "#include <sys/socket.h>\nint main() { return socket(AF_INET, SOCK_STREAM, 0) < 0; }"
            subprocess.run([os.environ["CXX"], "-x", "c++", "-", "-o", file], input=source, text=True, check=True)
            self.assertEqual(calls_of_network(file, True), ["socket"])


if __name__ == "__main__":
    unittest.main()
