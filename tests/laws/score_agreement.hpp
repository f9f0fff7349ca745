// Comparing the library's answers for any score with exact rationals and long double: "" or what disagrees.
#pragma once

#include <algorithm>
#include <limits>
#include <set>

#include "laws/agreement.hpp"
#include "laws/score_cases.hpp"
#include "lib/rule.hpp"  // for the one double that decides ties; judged here before it is used
#include "oracle/lifted.hpp"

namespace agreement {

using scores::Case;
using scores::Law;
using scores::Real;

inline support::Problem draw(const Case& c, std::uint64_t seed, const support::Limits& limits) {
  support::Problem p = support::draw(seed, limits);
  p.spec.score = c.score;
  p.name += " score=" + c.name();
  return p;
}

/// The thresholds that the library decides its layers by; empty unless each is the law's, or so little less
/// (2^-40 of it where the law is a double, else 2^-30) that only ties are in doubt. None may be more: that
/// could lose a key.
inline std::vector<double> thresholds(const Case& c, const heavykeys::Spec& spec) {
  const heavykeys::detail::Rule rule = heavykeys::detail::rule_for(spec);
  const auto lawful = [](double t, Real law, Real slack) {
    return law > 0 && t <= law * (1 + 0x1p-60L) && t >= law * (1 - slack);
  };
  if (rule.layers == 1) {
    const Real slack = c.law == Law::closed ? 0x1p-40L : 0x1p-30L;
    const bool one_is_enough = c.law != Law::onion || 2 * spec.epsilon > 1;
    const bool good = one_is_enough && lawful(rule.threshold, scores::least_leverage(c, spec.epsilon), slack);
    return good ? std::vector<double>{rule.threshold} : std::vector<double>{};
  }
  if (c.law == Law::closed || !scores::lawful_layers(spec.epsilon, rule.layers)) return {};
  std::vector<double> each;
  for (int t = 1; t <= rule.layers; ++t) {
    each.push_back(heavykeys::detail::layer_threshold(spec.epsilon, t));
    if (!lawful(each.back(), scores::layer_leverage(spec.epsilon, t), 0x1p-30L)) return {};
  }
  return each;
}

inline std::vector<std::size_t> rows_of(const heavykeys::UniversalSet& set) {
  std::vector<std::size_t> rows;
  for (const heavykeys::KeyId& id : set.ids()) rows.push_back(static_cast<std::size_t>(id.row));
  return rows;
}

/// Rows of the onion with the thresholds t * (1 - slack); one layer is {tau >= t}.
inline std::vector<std::size_t> members(const oracle::Lifted& lifted, const std::vector<double>& each,
                                        double slack) {
  const oracle::Fraction by = oracle::exactly(1 - slack);
  std::vector<oracle::Fraction> exact;
  for (double t : each) {
    const oracle::Fraction f = oracle::exactly(t);
    exact.push_back({f.num * by.num, f.den * by.den});
  }
  const std::vector<int> layer = lifted.onion(exact);
  std::vector<std::size_t> rows;
  for (std::size_t j = 0; j < layer.size(); ++j) {
    if (layer[j] > 0) rows.push_back(j);
  }
  return rows;
}

/// U: what the law gives at the library's thresholds, exactly where leverage is that of the keys themselves;
/// for lifted keys all of that, and nothing that a threshold less by 2^-40 does not give. No more than its
/// bound; K~ bit for bit.
inline std::string universal(const Case& c, const support::Problem& p, const std::vector<double>& gridded,
                             const oracle::Lifted& lifted, const heavykeys::UniversalSet& set) {
  std::ostringstream out;
  const std::vector<double> each = thresholds(c, p.spec);
  if (each.empty()) return "a threshold or the number of layers is not the law's\n";
  const std::vector<std::size_t> found = rows_of(set), least = members(lifted, each, 0);
  const bool is_lifted = c.degrees != std::vector<int>{1};
  const std::vector<std::size_t> most = is_lifted ? members(lifted, each, 0x1p-40) : least;
  if (!std::ranges::includes(found, least) || !std::ranges::includes(most, found)) {
    out << "U is " << ids(found) << "\n  exact " << ids(least) << "\n";
    return out.str();
  }
  if (set.row_count() != p.n()) out << "row_count " << set.row_count() << "\n";
  double bound = 0;
  for (double t : each) bound += static_cast<double>(lifted.dim()) / t * (1 + 0x1p-30);
  if (static_cast<double>(found.size()) > bound) out << "more members than " << bound << "\n";
  if (static_cast<double>(found.size()) > set.size_bound()) out << "more members than size_bound()\n";
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto key = set.keys().begin() + static_cast<std::ptrdiff_t>(i * p.d());
    const auto exact = gridded.begin() + static_cast<std::ptrdiff_t>(found[i] * p.d());
    if (!std::equal(key, key + static_cast<std::ptrdiff_t>(p.d()), exact))
      out << "gridded key " << found[i] << " differs\n";
  }
  return out.str();
}

/// The weights of one query over the first `visible` keys, relative error below 1e-15; empty where all are
/// 0/0.
inline std::vector<Real> true_weights(const Case& c, const oracle::Dots& x, std::size_t visible) {
  std::vector<Real> w(visible);
  Real total = 0;
  for (std::size_t j = 0; j < visible; ++j) total += w[j] = c.f(x.rounded(j));
  if (total == 0) return {};
  for (Real& v : w) v /= total;
  return w;
}

/// Whether a custom f, a function of double, is what it says for every product; see score_cases.hpp.
inline bool within_custom_range(const oracle::Dots& x) {
  for (std::size_t j = 0; j < x.values.size(); ++j) {
    const Real size = std::fabs(x.rounded(j));
    if (size != 0 && !(size > 1e-70L && size < 1e70L)) return false;
  }
  return true;
}

/// One query, weights in intervals: every listed weight is inside its own; the list is what `mode` promises.
inline std::string intervals(const heavykeys::HeavyEntries& found, std::size_t query,
                             const std::vector<Real>& weights, double epsilon, heavykeys::Mode mode) {
  std::ostringstream out;
  out.precision(17);
  const bool all = mode == heavykeys::Mode::no_false_negatives;
  std::set<std::size_t> listed;
  for (auto e = static_cast<std::size_t>(found.indptr[query]);
       e < static_cast<std::size_t>(found.indptr[query + 1]); ++e) {
    const auto key = static_cast<std::size_t>(found.keys[e].row);
    if (key >= weights.size()) {
      out << "query " << query << " lists key " << key << ", which has no weight\n";
      continue;
    }
    const Real w = weights[key];
    const double lower = found.lower[e], upper = found.upper[e], value = found.weights[e];
    if (!listed.empty() && key <= *listed.rbegin()) out << "query " << query << ": keys do not ascend\n";
    listed.insert(key);
    if (!(lower <= w * (1 + 1e-15L) && w * (1 - 1e-15L) <= upper)) {
      out << "query " << query << " key " << key << ": weight " << static_cast<double>(w) << " is outside ["
          << lower << ", " << upper << "]\n";
    }
    if (!(0 <= lower && lower <= value && value <= upper)) {
      out << "query " << query << " key " << key << ": value " << value << " of [" << lower << ", " << upper
          << "]\n";
    }
    if (!((all ? upper : lower) >= epsilon))
      out << "query " << query << " lists " << key << " against its mode\n";
    if (!all && !(w >= epsilon * (1 - 1e-12L)))
      out << "query " << query << ": false positive " << key << "\n";
  }
  for (std::size_t j = 0; all && j < weights.size(); ++j) {
    if (weights[j] >= epsilon * (1 + 1e-12L) && listed.count(j) == 0) {
      out << "query " << query << ": key " << j << " of weight " << static_cast<double>(weights[j])
          << " is not listed\n";
    }
  }
  return out.str();
}

/// The queries of agreement::queries, and those that put most products below 1, about 1, and above.
inline support::Matrix queries_of_any_size(const support::Problem& p, const Exact& exact,
                                           support::Random& random) {
  support::Matrix q = queries(p, exact, random);
  const std::size_t from = q.rows, j = random.below(p.n());
  const auto x = oracle::dots(exact.gridded, p.n(), p.d(), q.row(0));
  Real size = std::fabs(x.rounded(j));
  if (size == 0 || !std::isfinite(static_cast<double>(1 / size))) size = 1;
  for (int power : {-20, -4, 0, 4, 20}) {
    for (std::size_t r : {std::size_t{0}, std::size_t{5}, random.below(from)}) {
      q.values.resize(q.values.size() + q.cols);
      for (std::size_t i = 0; i < q.cols; ++i) {
        const Real v = q(r, i) / size * std::ldexp(Real{1}, power);
        q(q.rows, i) = std::isfinite(static_cast<double>(v)) ? static_cast<double>(v) : 1.0;
      }
      ++q.rows;
    }
  }
  return q;
}

}  // namespace agreement
