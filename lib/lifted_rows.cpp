#include "lib/lifted_rows.hpp"

#include <cmath>

#include "lib/powers_of_two.hpp"

namespace heavykeys::detail {

namespace {

double scaled(double v, int e) { return v == 0.0 ? 0.0 : scale_far(v, e); }
DoubleDouble scaled(DoubleDouble v, int e) { return {scaled(v.hi, e), scaled(v.lo, e)}; }

}  // namespace

template <class Real>
void LiftedRows::read(std::size_t r, const std::vector<int>& s, Real* out) const {
  const std::size_t d = lift_.dim();
  std::vector<double> row(d);
  rows_.read(r, row.data());
  if (lift_.is_trivial()) {
    for (std::size_t i = 0; i < d; ++i) out[i] = Real(scaled(row[i], -s[i]));
    return;
  }
  // Mantissas and exponents apart, since products of keys can leave the range of a double.
  std::vector<Real> mantissa(d, Real(0.0));
  std::vector<int> exponent(d, 0), sum(lift_.size());
  for (std::size_t i = 0; i < d; ++i) mantissa[i] = Real(std::frexp(row[i], &exponent[i]));
  lift_.products(mantissa.data(), out);
  lift_.sums(exponent.data(), sum.data());
  for (std::size_t c = 0; c < lift_.size(); ++c) out[c] = scaled(out[c], sum[c] - s[c]);
}

template <>
double LiftedRows::rounding<double>() const {
  return lift_.top_degree() <= 2 ? 0.0 : lift_.top_degree() * 0x1p-53 * 1.01;  // 24-bit factors
}
template <>
double LiftedRows::rounding<DoubleDouble>() const {
  return lift_.top_degree() <= 2 ? 0.0 : lift_.top_degree() * 0x1p-100;
}

template void LiftedRows::read(std::size_t, const std::vector<int>&, double*) const;
template void LiftedRows::read(std::size_t, const std::vector<int>&, DoubleDouble*) const;

}  // namespace heavykeys::detail
