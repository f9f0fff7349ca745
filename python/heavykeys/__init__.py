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

from heavykeys import io
from heavykeys._core import (
    AttendSums,
    BackendError,
    CausalHeavy,
    Corrupt,
    Covariance,
    Error,
    HeavyEntries,
    Incompatible,
    InvalidInput,
    KeySets,
    PrincipalComponents,
    Reconstructor,
    Scan,
    Score,
    Sketch,
    Spec,
    UniversalSet,
    Verification,
    __version__,
    absorb,
    active_isa,
    attend,
    attend_backward,
    available_isas,
    captured_variance,
    choose_elements,
    engines,
    every_key,
    heavy_entries,
    heavy_entries_causal,
    key_sets,
    leverage_scores,
    overlap,
    prefix_keys,
    scan,
    score_matrices,
    set_isa,
    top_keys,
    universal_keys,
)

__all__ = [
    "AttendSums",
    "BackendError",
    "CausalHeavy",
    "Corrupt",
    "Covariance",
    "Error",
    "HeavyEntries",
    "Incompatible",
    "InvalidInput",
    "KeySets",
    "PrincipalComponents",
    "Reconstructor",
    "Scan",
    "Score",
    "Sketch",
    "Spec",
    "UniversalSet",
    "Verification",
    "__version__",
    "absorb",
    "active_isa",
    "attend",
    "attend_backward",
    "available_isas",
    "captured_variance",
    "choose_elements",
    "engines",
    "every_key",
    "heavy_entries",
    "heavy_entries_causal",
    "io",
    "key_sets",
    "leverage_scores",
    "overlap",
    "prefix_keys",
    "scan",
    "score_matrices",
    "set_isa",
    "top_keys",
    "universal_keys",
]
