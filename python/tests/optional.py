"""Packages that heavykeys works with and does not need."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def need(name: str) -> ModuleType:
    """Where the package is missing, the test is skipped, unless HEAVYKEYS_TEST_TORCH=1 says that all are there."""
    if os.environ.get("HEAVYKEYS_TEST_TORCH") == "1":
        return importlib.import_module(name)
    return pytest.importorskip(name)
