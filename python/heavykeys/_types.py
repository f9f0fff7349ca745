"""What the signatures of heavykeys call an array."""

from __future__ import annotations

import sys
from typing import Any, Literal, Protocol, Union

import numpy as np

if sys.version_info >= (3, 12):
    from collections.abc import Buffer
else:
    Buffer = memoryview


class SupportsDLPack(Protocol):
    """An array of another library, torch.Tensor for one: it can lend its memory."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __dlpack_device__(self) -> tuple[Any, Any]: ...


Array = Union[np.ndarray, SupportsDLPack, Buffer]
"""float64, float32, float16 or bfloat16 in CPU memory, any strides. It is read in place."""

Mode = Literal["no-false-negatives", "no-false-positives"]
"""Which entries to list where a weight is known only as an interval."""

Layout = Literal["bhsd", "bshd"]
"""The order of axes: batch (b), heads (h), sequence (s), dim (d)."""

Normalise = Literal["attended", "all-keys"]
"""What the weights of a query add up to one over."""
