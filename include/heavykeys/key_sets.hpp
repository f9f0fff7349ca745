// Which keys attention is restricted to: one list for each head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "heavykeys/spec.hpp"
#include "heavykeys/tensor.hpp"
#include "heavykeys/universal_set.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// One ascending list of keys for each (batch, KV head), list b * heads + h being
/// keys[indptr[b * heads + h]] .. keys[indptr[b * heads + h + 1]].
struct KeySets {
  std::size_t batch = 0;             ///< B
  std::size_t heads = 0;             ///< KV heads
  std::int64_t key_count = 0;        ///< n: keys are in 0 .. n - 1
  std::vector<std::int64_t> indptr;  ///< [batch * heads + 1], starts at 0
  std::vector<std::int64_t> keys;    ///< [indptr.back()]
  /// Empty: a key serves every query that may see it. Else [indptr.back()], for causal attention: key j
  /// serves the queries at positions j .. until - 1, until > j.
  std::vector<std::int64_t> until;

  friend bool operator==(const KeySets&, const KeySets&) = default;
};

/// All keys of every head: attention unrestricted.
KeySets every_key(std::size_t batch, std::size_t heads, std::size_t key_count);

/// The lists of sets that are known: sets[b * heads + h], each of the same number of rows of stream 0. Throws
/// InvalidInput otherwise.
KeySets key_sets(std::span<const UniversalSet> sets, std::size_t batch, std::size_t heads);

/// The universal set of every head (universal_set.hpp): every key that some query could give a weight >=
/// epsilon. Shapes: keys [B, Hkv, n, d]. spec.dim may be 0: it is d. Cost: as absorb and finalize, for each
/// head. Throws InvalidInput for a Spec out of range or NaN/Inf in a key, naming batch, head, row and column.
KeySets universal_keys(const Spec& spec, const TensorView& keys);

/// The universal sets of prefixes, for causal attention: the query at position t, b = floor(t / block_rows)
/// block_rows, attends to the universal set of rows 0 .. b - 1 and to rows b .. t (docs/theory.md, T6).
///
/// Guarantee: these are all keys that can reach epsilon among rows 0 .. t, and at most d/epsilon + block_rows
/// (power 2); no later key decides which earlier ones are kept. A key that leaves never returns. Of spec,
/// block_rows says how often sets are renewed: the smaller, the fewer keys and the more work. Cost: as
/// absorb, and finalize n / block_rows times, for each head. Throws as universal_keys.
KeySets prefix_keys(const Spec& spec, const TensorView& keys);

/// The fixed-budget variant: the min(budget, n) keys of greatest leverage in each head, ties to the earlier
/// key. LevAttention's own experiments select so (arXiv 2410.05462); what is left out may be heavy.
/// Leverage is computed in float64 from the keys as they are (docs/exactness.md): relative error about 1e-10
/// up to condition 1e3; exact scores are leverage_scores. Cost: O(n d^2) for each head. The same keys
/// whatever the threads. Throws InvalidInput for NaN/Inf, naming where.
KeySets top_keys(const TensorView& keys, std::size_t budget);

#pragma GCC visibility pop

}  // namespace heavykeys
