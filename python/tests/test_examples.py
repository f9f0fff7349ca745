"""The examples of training run, in their shortest form."""

import need_torch  # noqa: F401  # isort: skip

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize("name", ["delayed_sum", "vit_digits"])
def test_runs(name, tmp_path):
    if name == "vit_digits":
        if os.environ.get("HEAVYKEYS_TEST_TORCH") != "1":
            pytest.importorskip("sklearn")
    out = tmp_path / "result.json"
    program = ROOT / "examples" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, program, "--quick", "--out", out], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == {"delayed_sum": 15, "vit_digits": 22}[name]
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    if name == "vit_digits":
        plot = ROOT / "examples" / "plot_vit.py"
        picture = tmp_path / "plot.svg"
        subprocess.run([sys.executable, plot, out, picture], check=True)
        assert picture.read_text().startswith("<svg")
