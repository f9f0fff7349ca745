#include "lib/attention_shape.hpp"

#include <algorithm>
#include <cmath>

#include "heavykeys/error.hpp"
#include "lib/normalizer.hpp"
#include "lib/read_rows.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

std::string shape_of(const TensorView& v) {
  std::string text = "[";
  for (const std::size_t extent : {v.batch, v.heads, v.rows, v.dim}) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(extent);
  }
  return text + "]";
}

Term term_of(const Score& score) {
  Term t;
  switch (score.kind) {
    case Score::Kind::softmax:
      return t;
    case Score::Kind::expressive:
      t.kind = Term::Kind::expressive;
      return t;
    case Score::Kind::power:
      t.exponent = score.parameter;
      t.power = static_cast<int>(score.parameter);
      t.kind = static_cast<double>(t.power) == score.parameter ? Term::Kind::power : Term::Kind::real_power;
      return t;
    case Score::Kind::polynomial:
      t.kind = Term::Kind::polynomial;
      t.degree = static_cast<int>(score.coefficients.size()) - 1;
      std::copy(score.coefficients.begin(), score.coefficients.end(), t.coefficients);
      return t;
    case Score::Kind::custom:
      break;
  }
  throw InvalidInput("score " + score.name() + ": attention takes power, expressive, polynomial and softmax");
}

/// Where even x rounded once to float32 is too much for 1e-6 of the weights: |x|^p takes the rounding p
/// times, and below p = 1 a zero of x without bound. Polynomials have no unit that float32 would not pass.
bool is_steep(const Term& term) {
  if (term.kind == Term::Kind::power) return term.power > 4;
  if (term.kind == Term::Kind::real_power) return term.exponent > 4 || term.exponent < 1;
  return term.kind == Term::Kind::polynomial;
}

}  // namespace

void check_sets(const KeySets& sets, std::size_t batch, std::size_t heads, std::int64_t n, bool causal) {
  if (sets.batch != batch || sets.heads != heads || sets.key_count != n) {
    throw InvalidInput("sets: " + std::to_string(sets.batch) + " x " + std::to_string(sets.heads) +
                       " lists over " + std::to_string(sets.key_count) + " keys; the keys are " +
                       std::to_string(batch) + " x " + std::to_string(heads) + " heads of " +
                       std::to_string(n));
  }
  const auto total = static_cast<std::int64_t>(sets.keys.size());
  bool sound = sets.indptr.size() == batch * heads + 1 && sets.indptr.front() == 0 &&
               sets.indptr.back() == total && std::is_sorted(sets.indptr.begin(), sets.indptr.end());
  if (!sound) throw InvalidInput("sets: indptr is not ascending from 0 to the number of keys");
  if (!sets.until.empty() && !causal) {
    throw InvalidInput("sets: those of prefixes (until) are for causal attention");
  }
  if (!sets.until.empty() && sets.until.size() != sets.keys.size()) {
    throw InvalidInput("sets: until has " + std::to_string(sets.until.size()) + " entries for " +
                       std::to_string(total) + " keys");
  }
  for (std::size_t unit = 0; unit < batch * heads; ++unit) {
    std::int64_t before = -1;
    for (std::int64_t i = sets.indptr[unit]; i < sets.indptr[unit + 1]; ++i) {
      const std::int64_t key = sets.keys[static_cast<std::size_t>(i)];
      if (key <= before || key >= sets.key_count) {
        throw InvalidInput("sets: key " + std::to_string(key) + " of batch " + std::to_string(unit / heads) +
                           ", head " + std::to_string(unit % heads) +
                           " is not above the one before it and below " + std::to_string(sets.key_count));
      }
      before = key;
    }
  }
}

void check_view(const TensorView& view, const std::string& name, Dtype dtype, std::size_t batch,
                std::size_t heads, std::size_t rows, std::size_t dim) {
  const TensorView expected{nullptr, dtype, batch, heads, rows, dim};
  if (shape_of(view) != shape_of(expected)) {
    throw InvalidInput(name + ": shape " + shape_of(view) + "; it must be " + shape_of(expected));
  }
  if (view.dtype != dtype) {
    throw InvalidInput(name + ": " + std::string(name_of(view.dtype)) + ", but the queries are " +
                       std::string(name_of(dtype)));
  }
}

std::string not_finite(const TensorView& view, const char* name, std::size_t b, std::size_t h,
                       std::size_t row) {
  const std::string where =
      std::string(name) + ": batch " + std::to_string(b) + ", head " + std::to_string(h) + ": ";
  try {
    require_finite(view.head(b, h).slice(row, 1));
  } catch (const InvalidInput& e) {
    return where + e.what();
  }
  return where + "not finite";
}

AttentionShape::AttentionShape(const TensorView& queries, const TensorView& keys, const TensorView& values,
                               const KeySets& sets, const AttendOptions& o)
    : batch(queries.batch),
      heads(keys.heads),
      group(keys.heads == 0 ? 0 : queries.heads / keys.heads),
      m(queries.rows),
      n(keys.rows),
      d(queries.dim),
      dv(values.dim),
      term(term_of(o.score)),
      scale(o.score.kind == Score::Kind::softmax ? o.scale * o.score.parameter : o.scale),
      in_double(queries.dtype == Dtype::f64 || is_steep(term)),
      wide_scores(!in_double && term.kind != Term::Kind::softmax),
      options(o) {
  if (heads == 0 || queries.heads % heads != 0 || queries.heads == 0) {
    throw InvalidInput("queries: " + std::to_string(queries.heads) + " heads are not a multiple of the " +
                       std::to_string(heads) + " of the keys");
  }
  for (const std::size_t width : {d, dv}) {
    if (width < 1 || width > 4096) {
      throw InvalidInput((width == d ? "queries: d = " : "values: dv = ") + std::to_string(width) +
                         "; it must be in 1 .. 4096");
    }
  }
  check_view(keys, "keys", queries.dtype, batch, heads, n, d);
  check_view(values, "values", queries.dtype, batch, heads, n, dv);
  if (!std::isfinite(scale) || scale == 0.0) {
    throw InvalidInput("scale " + shortest(o.scale) + " must be finite and not 0");
  }
  check_sets(sets, batch, heads, static_cast<std::int64_t>(n), o.causal);
}

std::int64_t AttentionShape::position(std::size_t lane) const {
  const auto last = static_cast<std::int64_t>(n) - 1;
  if (!options.causal) return last;
  return std::max<std::int64_t>(
      -1, last + 1 - static_cast<std::int64_t>(m) + static_cast<std::int64_t>(query_row(lane)));
}

}  // namespace heavykeys::detail
