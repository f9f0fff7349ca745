// A dense matrix of doubles: how tests hold keys and queries before they become a buffer of some dtype.
#pragma once

#include <cstddef>
#include <vector>

namespace support {

struct Matrix {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<double> values;  // [rows, cols] row-major

  Matrix() = default;
  Matrix(std::size_t r, std::size_t c) : rows(r), cols(c), values(r * c, 0.0) {}
  Matrix(std::size_t r, std::size_t c, std::vector<double> v) : rows(r), cols(c), values(std::move(v)) {}

  double& operator()(std::size_t r, std::size_t c) { return values[r * cols + c]; }
  double operator()(std::size_t r, std::size_t c) const { return values[r * cols + c]; }
  double* row(std::size_t r) { return values.data() + r * cols; }
  const double* row(std::size_t r) const { return values.data() + r * cols; }
};

}  // namespace support
