// The score f as the scan evaluates it: many x at a time, in units that neither overflow nor underflow, each
// term with a bound on its error.
#pragma once

#include <cstddef>

#include "heavykeys/score.hpp"
#include "lib/aligned.hpp"
#include "lib/scan_kernels.hpp"

namespace heavykeys::detail {

/// What the terms of one query are measured in.
struct Reference {
  bool set = false;
  int exponent = 0;    ///< x is handed over as x 2^-exponent
  double unit = 0.0;   ///< even f: a term is f(x) 2^-unit
  double shift = 0.0;  ///< softmax: a term is exp(scale x - shift)
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
  /// |x| must stay below 2 to this.
  int greatest_exponent() const;

  /// Units for x whose largest is in [2^(top - 1), 2^top).
  Reference reference(int top) const;
  /// True while x up to 2^top can be expressed in it.
  bool holds(const Reference& reference, int top) const;
  /// What terms in units of `from` are to be multiplied with to be in units of `to`.
  double rescale(const Reference& from, const Reference& to) const;

  /// Terms of the first n arguments; the arrays hold whole groups, filled up with copies of the first.
  /// `twice`: lo counts. Softmax moves reference.shift when it is not set, or a term would leave its range.
  /// Throws InvalidInput when a custom function returns anything but a finite number >= 0.
  void evaluate(Reference& reference, const Arguments& arguments, std::size_t n, bool twice,
                Terms& out) const;

 private:
  EvenTerm even_term(const Reference& reference) const;
  void evaluate_softmax(Reference& reference, const Arguments& a, std::size_t n, bool twice,
                        Terms& out) const;
  void evaluate_one_by_one(const Arguments& a, std::size_t n, Terms& out) const;

  Score score_;
  double growth_ = 2.0;
  int scale_exponent_ = 0;  // softmax: scale 2^scale_exponent is in [1, 2)
};

}  // namespace heavykeys::detail
