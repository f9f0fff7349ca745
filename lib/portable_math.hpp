// Logarithm and powers with the same bits everywhere. A libm may choose another code path, and another last
// bit, on another processor; here are only additions, multiplications, divisions and powers of two.
#pragma once

namespace heavykeys::detail {

/// Natural logarithm of a positive finite x; relative error < 1e-15 away from 1, absolute < 1e-16 near it.
double portable_log(double x);

/// e^x; relative error < 1e-15 (1 + |x|). 0 below the least double, infinity above the greatest.
double portable_exp(double x);

/// x^y for x > 0 finite: e^(y log x). Relative error < 1e-15 (2 + 2 |y log x|).
double portable_pow(double x, double y);

/// Phi^-1(u) for u in (0, 1): the normal quantile, relative error < 1e-14. Wichura, algorithm AS 241, Applied
/// Statistics 37 (1988).
double normal_quantile(double u);

}  // namespace heavykeys::detail
