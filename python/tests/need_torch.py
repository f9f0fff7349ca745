"""Import before torch: skips a test file where torch is missing, unless
HEAVYKEYS_TEST_TORCH=1 says that it must not be."""

import os

import pytest

if os.environ.get("HEAVYKEYS_TEST_TORCH") == "1":
    import torch  # noqa: F401
else:
    pytest.importorskip("torch")
