"""heavykeys for PyTorch: attention restricted to heavy keys, with gradients.

lev_attention   the operator: like scaled_dot_product_attention, over few keys
LevAttention    the module: in the place of nn.MultiheadAttention
KeyStream       the keys of a growing KV cache that can be heavy, at every token
LeverageScorer  scores for kits that shrink KV caches by a scorer

Everything works on CPU tensors: float64, float32, float16 or bfloat16, any
strides, read in place.
"""

from heavykeys.torch._attention import lev_attention
from heavykeys.torch._module import LevAttention
from heavykeys.torch._scorer import LeverageScorer
from heavykeys.torch._stream import KeyStream

__all__ = ["KeyStream", "LevAttention", "LeverageScorer", "lev_attention"]
