#include "bench/cholesky.hpp"

#include <cblas.h>

#include <algorithm>
#include <stdexcept>

// LAPACK as Fortran has it; OpenBLAS brings it along, and Debian keeps its C header in another package.
extern "C" void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);

namespace heavykeys::bench {

std::vector<double> cholesky(std::vector<double> gram, std::size_t d) {
  const int size = static_cast<int>(d);
  int info = 0;
  dpotrf_("U", &size, gram.data(), &size, &info);  // upper by columns is lower by rows
  if (info != 0) throw std::runtime_error("dpotrf: the Gram matrix is not positive definite");
  return gram;
}

std::vector<double> leverage_by(const std::vector<double>& factor, const Rows& keys) {
  constexpr std::size_t chunk = 2048;
  const std::size_t d = keys.dim;
  const auto* values = static_cast<const float*>(keys.data);
  std::vector<double> leverage(keys.count);
  std::vector<double> solved(std::min(chunk, keys.count) * d);
  for (std::size_t begin = 0; begin < keys.count; begin += chunk) {
    const std::size_t count = std::min(chunk, keys.count - begin);
    std::copy_n(values + begin * d, count * d, solved.data());
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, static_cast<blasint>(count),
                static_cast<blasint>(d), 1.0, factor.data(), static_cast<blasint>(d), solved.data(),
                static_cast<blasint>(d));
    for (std::size_t r = 0; r < count; ++r) {
      const double* row = solved.data() + r * d;
      leverage[begin + r] = cblas_ddot(static_cast<blasint>(d), row, 1, row, 1);
    }
  }
  return leverage;
}

}  // namespace heavykeys::bench
