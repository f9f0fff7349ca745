// Attention restricted to a few keys of each head: LevAttention as an operator, forward and backward.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/key_sets.hpp"
#include "heavykeys/score.hpp"
#include "heavykeys/tensor.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// What the weights of a query add up to one over.
enum class Normalise {
  attended,  ///< the keys it attends to: LevAttention (arXiv 2410.05462)
  all_keys,  ///< every key it may see, attended or not: the attention of the whole sequence with light keys
             ///< left out. Where the sum has a closed form: power 2, 4, 6, 8 and polynomials, lifts of at
             ///< most 2,100 coordinates (score.hpp)
};

/// How attention is computed.
struct AttendOptions {
  Score score = Score::softmax();  ///< f; any but custom
  double scale = 1.0;              ///< x = scale * q.k, finite, not 0; softmax: times the score's own
  bool causal = false;             ///< query i is at position n - m + i and sees keys up to there; else all
  std::size_t sinks = 0;           ///< the first keys are attended to, in the set or not
  std::size_t window = 0;          ///< so are the last `window` keys a query sees, its own position included
  Normalise normalise = Normalise::attended;  ///< what weights add up to one over
};

/// What attend knows of its queries, and attend_backward needs: for query (b, h, i), at (b Hq + h) m + i,
/// sum_l f(x_l) = sum * unit: softmax, unit e^shift; else shift is max |x_l| over attended keys and unit is
/// shift^p (power), min(shift, 1)^2 (expressive), 1 (polynomial). sum is 0 where no key has weight.
struct AttendSums {
  std::vector<double> shift;  ///< [B Hq m]
  std::vector<double> sum;    ///< [B Hq m]
};

/// out = sum_j A_j v_j over attended keys, A_j = f(x_j) / sum f(x_l) (see Normalise), x_j = scale q.k_j.
///
/// Shapes: queries [B, Hq, m, d], keys [B, Hkv, n, d], values [B, Hkv, n, dv], out [B, Hq, m, dv], all of one
/// dtype; Hq a multiple of Hkv (grouped-query attention: query head h reads KV head h / (Hq / Hkv)); d, dv in
/// 1 .. 4096. sets: B x Hkv lists over n keys. A query that no key has weight for gets zeros.
/// Accuracy: float64 is computed in float64, and so are steep scores of all dtypes (power above 4 or below 1,
/// polynomials). The rest is computed in float32, sums in blocks of 96 keys; of even scores q.k is summed in
/// float64 and x rounded once, of softmax in blocks of 32 columns. That keeps outputs within 1e-6 of the
/// largest value: of softmax while |x| is at most a few units, of the others while the greatest |x| of a
/// query is between 1e-30 and 1e30 (float64: 1e-150 and 1e150). out is rounded to its dtype once. Sums over
/// all keys are formed in float64, and key by key where their closed form would lose digits (a query nearly
/// orthogonal to what is large in the keys).
///
/// Cost: O(m |U| (d + dv)) for each query head, O((n + m) D^2) more for each with Normalise::all_keys (D:
/// coordinates of the lift). Workspace: O(|U| (d + dv)) for each thread, never m x |U|; all_keys: O(D^2)
/// for each more. The same bytes whatever the threads, and from every instruction set: sums run over keys
/// in ascending order, one fused multiply-add after another. Without causal, the result for a query does not
/// depend on the other queries of the call.
///
/// Throws InvalidInput, naming the argument, for shapes or dtypes that do not belong together, a score
/// without what is asked of it, products that could overflow (the greatest element of 32 queries times that
/// of their keys), sums over all keys outside float64, or NaN/Inf in queries, keys or values that are used,
/// naming batch, head, row and column. `out` may then have been written in part.
AttendSums attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
                  const KeySets& sets, const AttendOptions& options, const MutableTensorView& out);

/// Where attend_backward writes to.
struct AttendGradients {
  MutableTensorView queries;  ///< [B, Hq, m, d]
  MutableTensorView keys;     ///< [B, Hkv, n, d]; rows no query attends to get zeros (all_keys: none does)
  MutableTensorView values;   ///< [B, Hkv, n, dv]
};

/// The gradients of sum(grad_out * out) for queries, keys and values; the sets are constants.
///
/// Shapes and dtypes as in attend, with its arguments, its result `sums` and its `out`; grad_out as out.
/// Every element of `gradients` is written. |x|^p, p <= 1, counts as flat at 0. NaN/Inf in grad_out are
/// passed on (a gradient scaler looks for them). Cost: about 5 times attend's. Workspace: O((m + |U|) (d +
/// dv)) for each thread; all_keys: O((n + m) d) for each KV head more. The same bytes as above. Throws as
/// attend.
void attend_backward(const TensorView& queries, const TensorView& keys, const TensorView& values,
                     const KeySets& sets, const AttendOptions& options, const TensorView& out,
                     const AttendSums& sums, const TensorView& grad_out, const AttendGradients& gradients);

#pragma GCC visibility pop

}  // namespace heavykeys
