"""The examples run, print what docs/examples.md shows, and are right: checked by other means, and by breaking them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT
from optional import need

import heavykeys
from heavykeys import io

EXAMPLES = ROOT / "examples"
DOCUMENT = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"^```console\n\$ (.*)\n((?:.*\n)*?)```$", DOCUMENT, re.MULTILINE)
PLAIN = re.findall(r"^```\n((?:examples/.*\n)+)```$", DOCUMENT, re.MULTILINE)
PYTHON = [shown for shown in CONSOLE if shown[0].startswith("examples/")]
COMPILED = [shown for shown in CONSOLE if not shown[0].startswith("examples/")]
NUMPY = ["prune_kv_cache", "follow_decode", "audit_eviction"]


def load(name: str) -> ModuleType:
    """The example as a module of its own, to look inside or break."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command: str, folder: Path) -> str:
    """A command of the document, from a folder that is not the repository's. Returns what it prints."""
    if "pytorch" in command:
        need("torch")
    for name in ("examples", "tests"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    done = subprocess.run([sys.executable, *command.split()], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def same(shown: str, printed: str, relative: float, absolute: float) -> None:
    """The same words; numbers may differ in rounding, as BLAS does from machine to machine."""
    number = re.compile(r"-?\d+(?:\.\d+)?")
    assert number.sub("#", shown).split() == number.sub("#", printed).split(), printed
    pairs = zip(number.findall(shown), number.findall(printed))
    wrong = [pair for pair in pairs if not np.isclose(*map(float, pair), rtol=relative, atol=absolute)]
    assert not wrong, f"{wrong} in\n{printed}"


@pytest.mark.parametrize(("command", "shown"), PYTHON, ids=[command for command, _ in PYTHON])
def test_prints_what_the_document_shows(command: str, shown: str, tmp_path: Path) -> None:
    training = "pytorch" in command  # rounding grows there: accuracies within 15 points
    same(shown, run(command, tmp_path), *((0, 15) if training else (1e-3, 1e-4)))


def test_the_document_shows_every_program() -> None:
    shown = " ".join([command for command, _ in CONSOLE] + PLAIN)
    for program in EXAMPLES.glob("*.py"):
        assert program.name in shown
    for program in EXAMPLES.glob("*.*"):
        if program.suffix in (".c", ".cpp", ".sbatch"):
            assert f"../examples/{program.name}" in DOCUMENT
    assert {command.split()[0].rpartition("/")[2] for command, _ in PYTHON} >= {f"{name}.py" for name in NUMPY}


def test_compiled_examples_are_shown_as_ctest_expects_them() -> None:
    """examples/CMakeLists.txt runs them and looks for these lines."""
    cmake = (EXAMPLES / "CMakeLists.txt").read_text(encoding="utf-8")
    assert len(COMPILED) == 3
    expected = re.findall(r'PASS_REGULAR_EXPRESSION "([^$"]*?)"', cmake)
    pieces = re.search(r"string\(CONCAT expected\n?((?:\s*\".*\"\n?)+)\)", cmake)
    expected.append("".join(re.findall(r'"(.*)"', pieces[1])))
    assert len(expected) == 3
    for _, printed in COMPILED:
        assert any(re.search(line, printed) for line in expected), printed
    assert "mpi_shards.cpp" in cmake and f'{COMPILED[0][0].split()[5]}' in cmake


def test_the_picture_is_what_the_commands_draw(tmp_path: Path) -> None:
    commands = [line for line in "".join(PLAIN).splitlines() if "--quick" not in line and "vit" not in line]
    assert len(commands) == 2
    for command in commands:
        run(command, tmp_path)
    drawn = (tmp_path / "examples-eviction.svg").read_text(encoding="utf-8")
    same((ROOT / "docs" / "examples-eviction.svg").read_text(encoding="utf-8"), drawn, 0, 0.5)


@pytest.mark.parametrize("name", [*NUMPY, "call_from_pytorch"])
def test_a_missing_file_is_one_line_and_help_is_help(name: str, tmp_path: Path) -> None:
    option = "--keys"
    if name == "call_from_pytorch":
        need("torch")
        option = "--text"
    program = [sys.executable, EXAMPLES / f"{name}.py"]
    done = subprocess.run([*program, option, "no/such.npy"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "no/such.npy" in done.stderr, done.stderr
    done = subprocess.run([*program, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and option in done.stdout and f"{name}.py --" in done.stdout


@pytest.mark.parametrize("name", NUMPY)
def test_bfloat16_is_read_for_what_it_is(name: str, tmp_path: Path) -> None:
    values = np.array([[1.0, -2.5], [0.0078125, 3.0]], np.float32)  # have at most 8 digits
    words = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    header = json.dumps({"k": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    (tmp_path / "k.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + words)
    read = load(name).load(f"{tmp_path}/k.safetensors:k")
    assert read.dtype == np.float32 and np.array_equal(read, values[None])


def heads(name: str) -> np.ndarray:
    return np.asarray(io.open_tensor(f"{ROOT}/tests/data/heads.safetensors:{name}")).astype(np.float64)


def softmax(head: int) -> np.ndarray:
    """[n, n], causal; by the definition."""
    x = heads("q")[head] @ heads("k")[head].T / np.sqrt(32)
    x = np.where(np.tri(len(x), dtype=bool), x, -np.inf)
    weights = np.exp(x - x.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


# Pruning.


def pruned(epsilon: float, capsys: pytest.CaptureFixture) -> dict[str, list[float]]:
    """By policy: any query, then greatest, held and error under x^2, and under softmax."""
    load("prune_kv_cache").report(*(heads(x).astype(np.float32) for x in "kqv"), epsilon)
    rows = re.findall(r"^([a-zA-Z].{14}) ((?: *[\d.]+%?){7})$", capsys.readouterr().out, re.MULTILINE)
    return {name.strip(): [float(x.rstrip("%")) for x in row.split()] for name, row in rows}


@pytest.mark.parametrize("epsilon", [0.05, 0.1, 0.2, 0.3])
def test_pruning_keeps_its_promise_and_others_do_not(epsilon: float, capsys: pytest.CaptureFixture) -> None:
    found = pruned(epsilon, capsys)
    assert len(found) == 4
    for name, (any_query, given, *_) in found.items():
        assert given <= any_query + 1e-4
        assert (any_query < epsilon) == (name == "universal set"), found


def test_pruning_measures_attention_as_it_is(capsys: pytest.CaptureFixture) -> None:
    """Everything in the line of the universal set again, by loops over dense attention."""
    keys, queries, values = heads("k"), heads("q")[:, 128:], heads("v")
    want = []
    for softly in (False, True):
        greatest, held, error = 0.0, [], []
        for h in range(12):
            gram = np.linalg.inv(keys[h].T @ keys[h])
            kept = np.einsum("ni,ij,nj->n", keys[h], gram, keys[h]) >= 0.1
            x = queries[h] @ keys[h].T
            f = np.exp(x / np.sqrt(32)) if softly else x**2
            weights = f / f.sum(1, keepdims=True)
            few = f * kept / (f * kept).sum(1, keepdims=True)
            greatest = max(greatest, weights[:, ~kept].max())
            held.append(weights[:, kept].sum(1).mean())
            full = weights @ values[h]
            error.append(np.linalg.norm(few @ values[h] - full) / np.linalg.norm(full))
        want += [greatest, 100 * np.mean(held), np.mean(error)]
    shown = pruned(0.1, capsys)["universal set"][1:]
    for position, (have, expected) in enumerate(zip(shown, want)):
        assert have == pytest.approx(expected, abs=[6e-5, 0.051, 6e-4][position % 3])  # half of the last digit


def test_pruning_a_key_too_many_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("prune_kv_cache")
    real = heavykeys.universal_keys

    def one_less(keys, epsilon):
        sets = real(keys, epsilon)
        indptr = np.maximum(sets.indptr - 1, 0)
        return heavykeys.KeySets(sets.keys[1:], indptr, sets.key_count, heads=sets.heads)

    fake = SimpleNamespace(universal_keys=one_less, attend=heavykeys.attend, KeySets=heavykeys.KeySets)
    monkeypatch.setattr(module, "heavykeys", fake)
    with pytest.raises(AssertionError):
        module.report(*(heads(x).astype(np.float32) for x in "kqv"), 0.1)


def test_the_best_keys_of_the_stream_hold_what_the_document_says() -> None:
    paths = [ROOT / "tests" / "data" / f"stream_{name}.npy" for name in ("keys", "queries")]
    keys, queries = (np.load(path).astype(np.float64) for path in paths)
    weights = (queries[128:] @ keys.T) ** 2
    mean = (weights / weights.sum(1, keepdims=True)).mean(0)
    assert f"would hold {np.sort(mean)[-766:].sum():.0%}" in DOCUMENT


def test_pruning_refuses_what_does_not_fit() -> None:
    keys = heads("k").astype(np.float32)
    with pytest.raises(heavykeys.InvalidInput, match="queries"):
        load("prune_kv_cache").report(keys, keys[:3], None, 0.1)


# Following.


def arguments() -> SimpleNamespace:
    data = ROOT / "tests" / "data"
    given = {"keys": f"{data / 'heads.safetensors'}:k", "tokens": data / "heads.tokens.txt"}
    return SimpleNamespace(**given, epsilon=0.2, snapshot=64)


def test_a_snapshot_that_lacks_a_key_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("follow_decode")
    module.run(arguments())

    class Careless:
        """Would drop what can reach 0.21 at most."""

        load = heavykeys.Sketch.load

        def __new__(cls, dim, epsilon, **rest):
            return heavykeys.Sketch(dim, 1.05 * epsilon, **rest)

    check = module.check
    monkeypatch.setattr(module, "heavykeys", SimpleNamespace(Sketch=Careless, absorb=heavykeys.absorb))
    monkeypatch.setattr(
        module,
        "check",
        lambda u, before, keys: check(SimpleNamespace(ids=u.ids, spec=SimpleNamespace(epsilon=0.2)), before, keys),
    )
    with pytest.raises(AssertionError):
        module.run(arguments())


def test_a_resume_that_loses_a_token_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("follow_decode")
    real = module.resume

    def careless(folder: Path) -> list[heavykeys.Sketch]:
        sketches = real(folder)
        if sketches:
            sketches[0] = heavykeys.Sketch(32, 0.2, block_rows=module.BLOCK)
            sketches[0].absorb(np.zeros((sketches[1].next_row(), 32), np.float32))
        return sketches

    monkeypatch.setattr(module, "resume", careless)
    monkeypatch.setattr(module, "check", lambda *_: None)
    with pytest.raises(AssertionError):
        module.run(arguments())


def test_saves_are_whole_and_the_newest_counts(tmp_path: Path) -> None:
    module = load("follow_decode")
    assert module.resume(tmp_path) == []
    sketches = [heavykeys.Sketch(32, 0.2) for _ in range(3)]
    for rows in (5, 11):
        heavykeys.absorb(sketches, [np.ones((rows, 32), np.float32)] * 3)
        module.save(sketches, tmp_path)
    (tmp_path / ".saving-cut-off").mkdir()  # a save that was cut off
    assert [path.name for path in tmp_path.glob("[0-9]*")] == ["000000000016"]
    assert module.resume(tmp_path) == sketches


# The audit.


def audited(tmp_path: Path, budgets: str) -> dict[tuple[str, int], dict]:
    run(f"examples/audit_eviction.py --budgets {budgets} --out audit.json", tmp_path)
    rows = json.loads((tmp_path / "audit.json").read_text())["rows"]
    return {(row["policy"], row["budget"]): row for row in rows}


def test_the_audit_is_right(tmp_path: Path) -> None:
    """H2O and leverage again, a head and a token at a time; dense softmax for the heavy entries."""
    budget, n, keys = 48, 256, heads("k")
    kept = {"H2O": [], "leverage": []}
    for h in range(12):
        dense, logits = softmax(h), heads("q")[h] @ keys[h].T / np.sqrt(32)
        caches = {"H2O": [], "leverage": []}
        attention = np.zeros(n)
        for i in range(n):
            k = keys[h, : i + 1]
            tau = np.einsum("ni,ij,nj->n", k, np.linalg.pinv(k.T @ k), k)
            for name, cache in caches.items():
                cache.append(i)
                if len(cache) > budget and name == "H2O":
                    cache.remove(min(cache[: -budget // 2], key=attention.__getitem__))
                elif len(cache) > budget:
                    cache.remove(min(cache[:-1], key=tau.__getitem__))
                if i >= n // 2:
                    kept[name] += [j in cache for j in np.flatnonzero(dense[i] >= 0.05)]
            row = np.exp(logits[i, caches["H2O"]] - logits[i, caches["H2O"]].max())
            attention[caches["H2O"]] += row / row.sum()
    found = audited(tmp_path, str(budget))
    assert len(kept["H2O"]) == 2496
    for name, entries in kept.items():
        assert found[name, budget]["entries"] == pytest.approx(np.mean(entries), abs=1e-3)


def test_the_audit_says_what_the_document_takes_from_it(tmp_path: Path) -> None:
    found = audited(tmp_path, "8 64 128")
    share = {key: row["entries"] for key, row in found.items()}
    assert share["H2O", 64] > share["leverage", 64] > 0.95 > share["sinks + window", 64] > share["random", 64]
    assert share["leverage", 8] < 0.2 < share["sinks + window", 8]
    for (name, budget), row in found.items():
        assert row["weight"] <= 1 and row["entries"] <= 1
        assert (row["x2"] <= 32 / budget < 1) == (name == "leverage" and budget > 32)


def test_the_audit_notices_a_leverage_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("audit_eviction")
    real = module.simulate

    def upside_down(logits, budget, value, *rest):
        return real(logits, budget, lambda i, seen: -value(i, seen), *rest)

    monkeypatch.setattr(module, "simulate", upside_down)
    keys, queries = (heads(x).astype(np.float32) for x in "kq")
    with pytest.raises(AssertionError):
        module.audit(keys, queries, [64], 0.05)


@pytest.mark.parametrize("budgets", ["1", "129"])
def test_the_audit_refuses_budgets_that_say_nothing(budgets: str, tmp_path: Path) -> None:
    program = [sys.executable, EXAMPLES / "audit_eviction.py", "--budgets", budgets]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "2 .. 128" in done.stderr


# Slurm: tests/tools/test_mpi.py runs the script by mpirun, as docs/examples.md shows; here what srun would be told.


def test_the_batch_script(tmp_path: Path) -> None:
    script = EXAMPLES / "find_shards.sbatch"
    subprocess.run(["bash", "-n", script], check=True)
    for name in ("srun", "heavykeys"):
        (tmp_path / name).write_text('#!/bin/bash\necho "$(basename "$0")|$*" >>calls\n')
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_CPUS_PER_TASK": "16"}
    environment.pop("LAUNCH", None)
    arguments = ["/scratch/my keys.npy", "0.001", "/scratch/found"]
    subprocess.run(["bash", script, *arguments], cwd=tmp_path, env=environment, check=True)
    first, second = (tmp_path / "calls").read_text().splitlines()
    assert first.startswith("srun|--mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=16 ")
    assert " heavykeys sketch --engine mpi " in first
    assert "--keys /scratch/my keys.npy --epsilon 0.001 --out /scratch/found.hks" in first
    assert first.endswith(" --checkpoint /scratch/found.saved")
    assert second == "heavykeys|finalize /scratch/found.hks --out /scratch/found"
    done = subprocess.run(["bash", script], capture_output=True, text=True)
    assert done.returncode == 2 and "usage:" in done.stderr


# Training.


def test_a_module_of_pytorch_learns_with_few_keys(tmp_path: Path) -> None:
    printed = run("examples/call_from_pytorch.py --epsilon 0.3 --steps 60", tmp_path)
    chance = float(re.search(r"most frequent answer: (\d+)%", printed)[1])
    found = re.search(r"epsilon 0.3 +(\d+)%, attending to (\d+)% of the keys", printed)
    right, kept = map(float, found.groups())
    assert right > chance + 20 and kept < 20, printed


def test_every_key_of_pytorch_is_compared_with_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = need("torch")
    module = load("call_from_pytorch")
    torch.manual_seed(0)
    batch = (torch.randint(256, (4, 128)), torch.randint(128, (4,)), torch.randint(256, (4,)))
    module.compare_with_dense(*batch)
    monkeypatch.setattr(module.Attention, "choose", lambda self, k: heavykeys.top_keys(k.detach(), 127))
    with pytest.raises(AssertionError):
        module.compare_with_dense(*batch)


@pytest.mark.parametrize("name", ["delayed_sum", "vit_digits"])
def test_training_runs(name: str, tmp_path: Path) -> None:
    need("torch")
    if name == "vit_digits":
        need("sklearn")
    out = tmp_path / "result.json"
    program = EXAMPLES / f"{name}.py"
    done = subprocess.run([sys.executable, program, "--quick", "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == {"delayed_sum": 15, "vit_digits": 22}[name]
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    if name == "vit_digits":
        picture = tmp_path / "plot.svg"
        subprocess.run([sys.executable, EXAMPLES / "plot_vit.py", out, picture], check=True)
        assert picture.read_text().startswith("<svg")
