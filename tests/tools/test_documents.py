"""What README and docs show runs: every `sh` block, and every `cpp` and `c` block that is a program."""

import os
import re
import subprocess
import unittest
from pathlib import Path

from command import BINARY, CommandTest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# mpirun refuses to run as root and to start more ranks than there are cores, as tests in a container must. Some
# containers do not let one process copy another's memory. The choice of transports spares a third of the start.
MPI_ENVIRONMENT = {
    **os.environ,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_btl": "vader,self",
    "OMPI_MCA_pml": "ob1",
}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document):
    return BLOCK.findall(document.read_text(encoding="utf-8"))


def run_shell(text, folder):
    path = f"{Path(BINARY).resolve().parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**MPI_ENVIRONMENT, "PATH": path},
        capture_output=True,
        timeout=300,
    )


class DocumentsTest(CommandTest):
    def test_every_shell_block_runs(self):
        (self.folder / "tests").symlink_to(ROOT / "tests")
        count = 0
        for document in DOCUMENTS:
            for language, text in blocks(document):
                if language != "sh" or "mpirun" in text:  # those: test_mpi.py, where MPI was built
                    continue
                with self.subTest(document=document.name, text=text):
                    done = run_shell(text, self.folder)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
                count += 1
        self.assertGreaterEqual(count, 4)

    def test_the_first_command_shows_what_the_readme_says(self):
        (self.folder / "tests").symlink_to(ROOT / "tests")
        found = blocks(ROOT / "README.md")
        first = next(i for i, (language, _) in enumerate(found) if language == "sh")
        shown = run_shell(found[first][1], self.folder).stdout.decode()
        language, promised = found[first + 1]
        self.assertEqual(language, "text")
        for line in promised.splitlines():
            if line.strip() not in ("", "..."):
                self.assertIn(line, shown)

    def run_programs(self, language, compile_it):
        """Compiles the programs of a language by compile_it(text), runs them, and compares with what follows. How many there were."""
        count = 0
        for document in DOCUMENTS:
            found = blocks(document)
            for i, (tag, text) in enumerate(found):
                if tag != language or "int main" not in text:
                    continue
                compile_it(text)
                printed = subprocess.run(["./program"], cwd=self.folder, capture_output=True, check=True).stdout.decode()
                self.assertEqual(found[i + 1][0], "text", "a program is followed by what it prints")
                self.assertEqual(printed, found[i + 1][1])
                count += 1
        return count

    def test_every_program_compiles_and_prints_what_follows_it(self):
        libraries = os.environ["HEAVYKEYS_LIBRARIES"].split(";")

        def compile_it(text):
            (self.folder / "program.cpp").write_text(text, encoding="utf-8")
            command = [os.environ.get("CXX", "g++"), *os.environ.get("CXXFLAGS", "").split(), "-std=c++20"]
            command += ["-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include"]
            subprocess.run(
                [*command, "program.cpp", "-o", "program", *libraries, "-lhwy", "-ltbb", "-fopenmp"],
                cwd=self.folder,
                check=True,
            )

        self.assertGreaterEqual(self.run_programs("cpp", compile_it), 1)

    @unittest.skipUnless(os.environ.get("HEAVYKEYS_C_LIBRARY"), "the build has no C interface (HEAVYKEYS_C=OFF)")
    def test_every_program_in_c_compiles_and_prints_what_follows_it(self):
        library = Path(os.environ["HEAVYKEYS_C_LIBRARY"])

        def compile_it(text):
            (self.folder / "program.c").write_text(text, encoding="utf-8")
            command = [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include"]
            subprocess.run(
                [*command, "program.c", "-o", "program", library, f"-Wl,-rpath,{library.parent}"], cwd=self.folder, check=True
            )

        self.assertGreaterEqual(self.run_programs("c", compile_it), 1)

    def test_the_program_for_many_ranks_is_the_example(self):
        shown = [text for language, text in blocks(ROOT / "docs" / "distributed.md") if language == "cc"]
        self.assertEqual(shown, [(ROOT / "examples" / "mpi_shards.cpp").read_text(encoding="utf-8")])

    def test_links_between_documents_lead_somewhere(self):
        for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
            prose = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)  # [&](x) is no link
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
                if not target.startswith("http"):
                    self.assertTrue((document.parent / target).exists(), f"{document.name}: {target}")


if __name__ == "__main__":
    unittest.main()
