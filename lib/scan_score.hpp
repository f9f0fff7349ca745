// The score f as the scan evaluates it: many x at a time, in units that neither overflow nor underflow, each
// term with a bound on its error.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heavykeys/score.hpp"
#include "lib/aligned.hpp"
#include "lib/scan_kernels.hpp"

namespace heavykeys::detail {

/// What the terms of one query and one block are measured in.
struct Reference {
  int exponent = 0;       ///< x is handed over as x 2^-exponent
  std::int64_t unit = 0;  ///< a term is f 2^-unit
  double factor = 1.0;    ///< powers: f(x) 2^-unit is factor f(x 2^-exponent); in [1, 2)
};

/// The x of one query and some keys, in units of a Reference: the true one lies within e of x + lo.
struct Arguments {
  explicit Arguments(std::size_t n) : x(n), lo(n), e(n) {}
  AlignedVector<double> x, lo, e;
};

/// f(x) in units, and bounds on its error.
struct Terms {
  explicit Terms(std::size_t n) : value(n), error(n), work(3 * n) {}
  AlignedVector<double> value, error;
  AlignedVector<double> work;
};

class ScanScore {
 public:
  /// Throws InvalidInput for a score that its own maker would not make, or custom without its function.
  explicit ScanScore(const Score& score);

  bool is_softmax() const { return score_.kind == Score::Kind::softmax; }
  const Score& score() const { return score_; }
  /// True when reference(top).exponent is the same for every top.
  bool has_fixed_exponent() const { return is_softmax() || score_.kind == Score::Kind::custom; }
  /// |x| must stay below 2 to this.
  int greatest_exponent() const;

  /// Units for x whose largest is in [2^(top - 1), 2^top): the greatest term is then near 1, and no other
  /// overflows. Of softmax and custom scores `evaluate` chooses the unit itself, likewise.
  Reference reference(int top) const;

  /// Terms of the first n arguments; the arrays hold whole groups, filled up with copies of the first.
  /// `twice`: lo counts. Throws InvalidInput when a custom function returns anything but a finite number >=
  /// 0.
  void evaluate(Reference& reference, const Arguments& arguments, std::size_t n, bool twice,
                Terms& out) const;
  /// Of softmax, in units of 2^unit, each term a function of its argument and the unit; whole groups. No term
  /// may pass e^700 units.
  void evaluate_softmax_in(std::int64_t unit, const Arguments& arguments, std::size_t n, Terms& out) const;

 private:
  double softmax_logits(std::int64_t unit, const Arguments& a, std::size_t n, bool twice, Terms& out) const;
  EvenTerm even_term(const Reference& reference) const;
  void evaluate_softmax(Reference& reference, const Arguments& a, std::size_t n, bool twice,
                        Terms& out) const;
  void evaluate_one_by_one(Reference& reference, const Arguments& a, std::size_t n, Terms& out) const;

  Score score_;
  double growth_ = 2.0;
  int scale_exponent_ = 0;  // softmax: scale 2^scale_exponent is in [1, 2)
};

}  // namespace heavykeys::detail
