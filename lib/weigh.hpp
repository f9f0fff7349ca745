// The one place that decides A_j(q) >= epsilon and computes the weight that is printed.
#pragma once

#include <functional>

#include "heavykeys/heavy_entries.hpp"
#include "lib/key_panel.hpp"
#include "lib/normalizer.hpp"

namespace heavykeys::detail {

/// |computed - true| of a scaled dot product of d terms is at most this times the two norms, plus nothing.
double dot_error(std::size_t dim);

/// What is known of one query when its keys are weighed with a polynomial score.
struct Weighing {
  ScaledQuery query;
  ScaledPolynomial score;                   // in the units of the query
  const std::vector<double>& coefficients;  // in real units
  double epsilon = 0.0;
  Bounded normalizer;                        // in the units of `score`
  std::function<Dyadic()> exact_normalizer;  // real units; called at most a few times
};

/// Appends to `out` the entries of one query among keys `first` .. `last` - 1 of the panel; x are its scaled
/// dot products. float64 where it is certain and narrow enough, else exact arithmetic: membership is always
/// the exact answer.
void weigh(Weighing& weighing, const KeyPanel& panel, std::size_t first, std::size_t last, const double* x,
           HeavyEntries& out);

/// One entry: its weight and what is known of it.
struct Entry {
  double weight, lower, upper;
};

void append(HeavyEntries& out, KeyId id, const Entry& entry);

}  // namespace heavykeys::detail
