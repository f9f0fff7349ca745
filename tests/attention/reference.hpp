// Attention as its definition says, query by query and key by key, in long double: the truth for tests.
// Shares no code with lib/.
#pragma once

#include <string>
#include <vector>

#include "heavykeys/attention.hpp"
#include "support/random.hpp"
#include "support/tensor.hpp"

namespace attention {

struct Case {
  std::size_t batch = 1, query_heads = 1, heads = 1, m = 1, n = 1, d = 1, dv = 1;
  heavykeys::AttendOptions options;
  heavykeys::KeySets sets;
  std::vector<double> queries, keys, values, grad_out;  // [B, H, rows, dim]
};

/// Unit gaussians, rounded to dtype; random sets, with `until` when causal and asked for.
void draw(Case& c, heavykeys::Dtype dtype, bool with_until, support::Random& random);

struct Result {
  std::vector<double> out, queries, keys, values;  // output, and gradients
};

Result reference(const Case& c);

/// What the library says of the case, its tensors lying as told; `threads` < 0: on the calling thread,
/// without a backend.
Result computed(const Case& c, heavykeys::Dtype dtype, support::Lie lie, int threads = -1);

/// Greatest |a - b| / max(1, greatest |b|).
double distance(const std::vector<double>& a, const std::vector<double>& b);

std::string describe(const Case& c);

}  // namespace attention
