// Comparing the library's answers with the oracle's: each function returns "" or what disagrees.
#pragma once

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "oracle/oracle.hpp"
#include "support/problems.hpp"

namespace agreement {

inline std::string ids(const std::vector<std::size_t>& v) {
  std::ostringstream out;
  out << v.size() << ":";
  for (std::size_t x : v) out << ' ' << x;
  return out.str();
}

/// The problem as the oracle sees it.
struct Exact {
  explicit Exact(const support::Problem& p)
      : gridded(oracle::grid(p.keys.values().values, p.n(), p.d(), p.spec.block_rows, p.spec.grid_bits)),
        problem(gridded, p.n(), p.d()) {}
  std::vector<double> gridded;
  oracle::Problem problem;
};

/// U: the same ids, exactly; rank, exactly; K~ bit for bit; leverage to 1e-9 and its order of magnitude of
/// bound.
inline std::string universal(const support::Problem& p, const Exact& exact,
                             const heavykeys::UniversalSet& set) {
  std::ostringstream out;
  const std::size_t d = p.d();
  if (set.rank() != exact.problem.rank())
    out << "rank " << set.rank() << ", exact " << exact.problem.rank() << "\n";
  if (set.row_count() != p.n()) out << "row_count " << set.row_count() << "\n";
  std::vector<std::size_t> found;
  for (const heavykeys::KeyId& id : set.ids()) {
    if (id.stream != 0) out << "stream " << id.stream << "\n";
    found.push_back(static_cast<std::size_t>(id.row));
  }
  const std::vector<std::size_t> expected = exact.problem.universal(p.spec.epsilon);
  if (found != expected) {
    out << "U is " << ids(found) << "\n  exact " << ids(expected) << "\n";
    return out.str();
  }
  if (set.leverage().size() != set.size() || set.keys().size() != set.size() * d) return "shapes of U";
  if (static_cast<double>(set.size()) > set.size_bound()) out << "more members than rank/epsilon\n";
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::size_t j = found[i];
    if (!close(set.leverage()[i], exact.problem.leverage(j), 1e-9)) {
      out.precision(17);
      out << "leverage of " << j << " is " << set.leverage()[i] << ", exact "
          << oracle::approximate(exact.problem.leverage(j)) << "\n";
    }
    if (!std::equal(set.keys().begin() + static_cast<std::ptrdiff_t>(i * d),
                    set.keys().begin() + static_cast<std::ptrdiff_t>((i + 1) * d),
                    exact.gridded.begin() + static_cast<std::ptrdiff_t>(j * d))) {
      out << "gridded key " << j << " differs\n";
    }
  }
  return out.str();
}

/// One query: the same keys, exactly; the true weight inside [lower, upper]; upper - lower <= 1e-10.
inline std::string entries(const heavykeys::HeavyEntries& found, std::size_t query,
                           const oracle::Problem::Heavy& exact) {
  std::ostringstream out;
  const auto begin = static_cast<std::size_t>(found.indptr[query]),
             end = static_cast<std::size_t>(found.indptr[query + 1]);
  std::vector<std::size_t> keys;
  for (std::size_t e = begin; e < end; ++e) keys.push_back(static_cast<std::size_t>(found.keys[e].row));
  if (keys != exact.keys) {
    out << "query " << query << " has " << ids(keys) << "\n  exact " << ids(exact.keys) << "\n";
    return out.str();
  }
  out.precision(17);
  for (std::size_t e = begin; e < end; ++e) {
    const oracle::Fraction& weight = exact.weights[e - begin];
    const double lower = found.lower[e], upper = found.upper[e], value = found.weights[e];
    if (!(compare(weight, lower) >= 0 && compare(weight, upper) <= 0)) {
      out << "query " << query << " key " << keys[e - begin] << ": weight " << oracle::approximate(weight)
          << " is outside [" << lower << ", " << upper << "]\n";
    }
    if (!(upper - lower <= 1e-10)) out << "query " << query << ": bounds " << upper - lower << " apart\n";
    if (!(lower <= value && value <= upper))
      out << "query " << query << ": weight " << value << " outside its bounds\n";
  }
  return out.str();
}

/// The arrays of a HeavyEntries fit together, whatever is in them.
inline std::string shape(const heavykeys::HeavyEntries& found, std::size_t queries) {
  if (found.indptr.size() != queries + 1 || found.indptr.front() != 0) return "indptr";
  if (!std::is_sorted(found.indptr.begin(), found.indptr.end())) return "indptr descends";
  const auto nnz = static_cast<std::size_t>(found.indptr.back());
  if (found.keys.size() != nnz || found.weights.size() != nnz || found.lower.size() != nnz ||
      found.upper.size() != nnz) {
    return "sizes";
  }
  return {};
}

/// The adversarial queries of a problem, [m, d], float64.
inline support::Matrix queries(const support::Problem& p, const Exact& exact, support::Random& random) {
  const std::size_t d = p.d();
  std::vector<std::vector<double>> list;
  const auto add = [&](auto value) {
    std::vector<double> q(d);
    for (std::size_t c = 0; c < d; ++c) q[c] = value(c);
    list.push_back(q);
  };
  const auto scaled = [&](std::size_t at, double scale) {
    const std::vector<double> from = list[at];
    add([&](std::size_t c) {
      const double x = from[c] * scale;
      return std::isfinite(x) ? x : std::copysign(std::numeric_limits<double>::max(), x);
    });
  };
  const std::size_t hot = random.below(d), j = random.below(p.n()), i = random.below(p.n());
  add([&](auto) { return random.gaussian(); });
  add([&](auto) { return random.cauchy(); });
  add([&](auto) { return random.integer(-3, 3); });
  add([&](std::size_t c) { return c == hot ? 1.0 : 0.0; });
  add([&](auto) { return 0.0; });
  list.push_back(exact.problem.best_query(j));  // its heaviest key has its whole leverage
  const std::vector<std::size_t> u = exact.problem.universal(p.spec.epsilon);
  if (!u.empty()) list.push_back(exact.problem.best_query(u[random.below(u.size())]));
  add([&](std::size_t c) { return exact.gridded[j * d + c]; });  // a key as a query
  add([&](std::size_t c) { return exact.gridded[j * d + c] / 2 - exact.gridded[i * d + c] / 2; });
  if (const auto null = exact.problem.null_query(); !null.empty()) {
    list.push_back(null);  // orthogonal to every key, exactly or nearly
    add([&](std::size_t c) { return null[c] + 0x1p-45 * random.gaussian(); });
  }
  if (d > 1) {  // orthogonal to one key, up to rounding
    const double a = exact.gridded[j * d + hot], b = exact.gridded[j * d + (hot + 1) % d];
    add([&](std::size_t c) { return c == hot ? -b / 2 : c == (hot + 1) % d ? a / 2 : 0.0; });
  }
  scaled(0, 1e150);
  scaled(5, 1e-150);
  scaled(random.below(4), 1e300);
  scaled(random.below(4), 1e-310);
  support::Matrix m(list.size(), d);
  for (std::size_t r = 0; r < list.size(); ++r) std::copy(list[r].begin(), list[r].end(), m.row(r));
  return m;
}

/// Mostly float64; other dtypes round the queries first, which is then the query.
inline heavykeys::Dtype query_dtype(support::Random& random) {
  static const std::vector<heavykeys::Dtype> dtypes = {heavykeys::Dtype::f64, heavykeys::Dtype::f64,
                                                       heavykeys::Dtype::f64, heavykeys::Dtype::f32,
                                                       heavykeys::Dtype::f16, heavykeys::Dtype::bf16};
  return random.pick(dtypes);
}

}  // namespace agreement
