"""heavykeys: which keys of an attention head could ever matter, found in one pass over them.

    >>> import heavykeys, numpy as np
    >>> keys = np.array([[1, 0, 0], [0, 2, 0], [1, 0, 0], [0, 0, 3]], np.float32)
    >>> sketch = heavykeys.Sketch(dim=3, epsilon=0.75)
    >>> sketch.absorb(keys)
    >>> sketch.finalize().ids.tolist()
    [1, 3]

Arrays are NumPy's, or any library's that speaks DLPack (torch): read where they are, never copied. Long calls run
without the GIL. Errors are heavykeys.Error.
"""

from heavykeys._core import (
    BackendError,
    Corrupt,
    Error,
    HeavyEntries,
    Incompatible,
    InvalidInput,
    Score,
    Sketch,
    Spec,
    UniversalSet,
    __version__,
    absorb,
    active_isa,
    available_isas,
    engines,
    heavy_entries,
    leverage_scores,
    set_isa,
)

__all__ = [
    "BackendError",
    "Corrupt",
    "Error",
    "HeavyEntries",
    "Incompatible",
    "InvalidInput",
    "Score",
    "Sketch",
    "Spec",
    "UniversalSet",
    "__version__",
    "absorb",
    "active_isa",
    "available_isas",
    "engines",
    "heavy_entries",
    "leverage_scores",
    "set_isa",
]
