// Attention weights by brute force in long double, and how a scan's answer may differ from them.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "heavykeys/scan.hpp"
#include "support/matrix.hpp"

namespace truth {

using heavykeys::Score;
using Real = long double;

inline Real f(const Score& score, Real x) {
  switch (score.kind) {
    case Score::Kind::power:
      return std::pow(std::fabs(x), static_cast<Real>(score.parameter));
    case Score::Kind::expressive:
      return x * x / (1 + x * x);
    case Score::Kind::polynomial: {
      Real sum = 0;
      for (std::size_t i = score.coefficients.size(); i-- > 0;) sum = sum * x * x + score.coefficients[i];
      return sum;
    }
    case Score::Kind::custom:
      return score(static_cast<double>(x));
    case Score::Kind::softmax:
      return std::exp(score.parameter * x);
  }
  return 0;
}

/// The weights of the first `visible` keys; empty where they are 0/0.
inline std::vector<Real> weights(const Score& score, const double* query, const support::Matrix& keys,
                                 std::size_t visible) {
  std::vector<Real> x(visible);
  for (std::size_t j = 0; j < visible; ++j) {
    for (std::size_t c = 0; c < keys.cols; ++c) x[j] += static_cast<Real>(query[c]) * keys(j, c);
  }
  if (score.kind == Score::Kind::power) {  // homogeneous: the largest becomes 1, so nothing overflows
    Real top = 0;
    for (const Real v : x) top = std::max(top, std::fabs(v));
    for (Real& v : x) v = top > 0 ? v / top : 0;
  }
  if (score.kind == Score::Kind::softmax && visible > 0) {
    Real top = score.parameter * x[0];
    for (const Real v : x) top = std::max(top, score.parameter * v);
    for (Real& v : x) v = (score.parameter * v - top) / score.parameter;  // exp of differences only
  }
  Real sum = 0;
  for (Real& v : x) {
    v = f(score, v);
    sum += v;
  }
  if (sum == 0) return {};
  for (Real& v : x) v /= sum;
  return x;
}

/// "" when the entries of query i are what the header promises of these weights. `noise`: relative error of
/// the weights themselves.
inline std::string difference(const heavykeys::HeavyEntries& found, std::size_t i, const std::vector<Real>& w,
                              Real epsilon, Real noise = 1e-15L, Real tolerance = 1e-10L) {
  const auto say = [&](std::size_t j, const char* what) {
    return " query " + std::to_string(i) + " key " + std::to_string(j) + ": " + what + " (" +
           (j < w.size() ? std::to_string(static_cast<double>(w[j])) : "no weight") + ")";
  };
  std::vector<bool> listed(w.size(), false);
  std::string wrong;
  const auto begin = static_cast<std::size_t>(found.indptr[i]),
             end = static_cast<std::size_t>(found.indptr[i + 1]);
  for (std::size_t e = begin; e < end; ++e) {
    const std::size_t j = found.keys[e].row;
    if (found.keys[e].stream != 0 || j >= w.size()) return say(j, "not a key that it sees");
    if (e > begin && found.keys[e - 1].row >= j) return say(j, "keys not ascending");
    listed[j] = true;
    const Real weight = found.weights[e], lower = found.lower[e], upper = found.upper[e];
    if (w[j] < epsilon * (1 - tolerance)) wrong += say(j, "listed, not heavy");
    if (!(std::fabs(weight - w[j]) <= tolerance * w[j])) wrong += say(j, "weight");
    if (!(lower <= w[j] * (1 + noise))) wrong += say(j, "lower");
    if (!(upper >= w[j] * (1 - noise))) wrong += say(j, "upper");
    if (!(lower <= weight && weight <= upper && upper <= 1)) wrong += say(j, "bounds around the weight");
    if (!(upper - lower <= tolerance * weight)) wrong += say(j, "too wide");
  }
  for (std::size_t j = 0; j < w.size(); ++j) {
    if (w[j] >= epsilon * (1 + noise) && !listed[j]) wrong += say(j, "missed");
  }
  return wrong;
}

/// How many keys query i of m sees.
inline std::size_t visible(std::size_t i, std::size_t m, std::size_t n) {
  return i + n + 1 <= m ? 0 : i + n + 1 - m;
}

}  // namespace truth
