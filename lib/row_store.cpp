#include "lib/row_store.hpp"

#include <algorithm>
#include <cstring>

#include "lib/read_rows.hpp"

namespace heavykeys::detail {

namespace {

template <class T>
void reserve_geometric(std::vector<T>& v, std::size_t size) {
  if (size > v.capacity()) v.reserve(std::max(size, 2 * v.capacity()));
}

template <class T>
void keep_rows(std::vector<T>& v, std::size_t dim, const std::vector<std::size_t>& rows) {
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (rows[k] != k) std::copy_n(v.begin() + rows[k] * dim, dim, v.begin() + k * dim);
  }
  v.resize(rows.size() * dim);
}

}  // namespace

void RowStore::widen() {
  if (wide_) return;
  doubles_.reserve(std::max(floats_.capacity(), floats_.size()));
  doubles_.assign(floats_.begin(), floats_.end());
  std::vector<float>().swap(floats_);
  wide_ = true;
}

void RowStore::reserve(std::size_t extra, bool wide) {
  if (wide && !wide_ && floats_.empty()) wide_ = true;
  if (wide) widen();
  if (wide_) {
    reserve_geometric(doubles_, doubles_.size() + extra * dim_);
  } else {
    reserve_geometric(floats_, floats_.size() + extra * dim_);
  }
}

void RowStore::append(const Rows& rows) {
  reserve(rows.count, wide_ || !fits_float(rows));
  if (wide_) {
    const std::size_t old = doubles_.size();
    doubles_.resize(old + rows.count * dim_);
    for (std::size_t r = 0; r < rows.count; ++r) read_row(rows, r, doubles_.data() + old + r * dim_);
    for (std::size_t k = old; k < doubles_.size(); ++k) doubles_[k] += 0.0;
  } else {
    const std::size_t old = floats_.size();
    floats_.resize(old + rows.count * dim_);
    read_floats(rows, floats_.data() + old);
    for (std::size_t k = old; k < floats_.size(); ++k) floats_[k] += 0.0f;
  }
}

void RowStore::append(const double* row) { append(rows(row, 1, dim_)); }

void RowStore::read(std::size_t i, double* out) const {
  if (wide_) {
    std::copy_n(doubles_.begin() + i * dim_, dim_, out);
  } else {
    std::copy_n(floats_.begin() + i * dim_, dim_, out);
  }
}

void RowStore::keep(const std::vector<std::size_t>& rows) {
  if (!wide_) {
    keep_rows(floats_, dim_, rows);
    return;
  }
  keep_rows(doubles_, dim_, rows);
  if (!fits_float(view())) return;  // what made it wide may have gone
  floats_.assign(doubles_.begin(), doubles_.end());
  std::vector<double>().swap(doubles_);
  wide_ = false;
}

Rows RowStore::view(std::uint64_t first_id, std::uint64_t stream) const {
  return {
      data(), wide_ ? Dtype::f64 : Dtype::f32, count(), dim_, static_cast<std::ptrdiff_t>(dim_), 1, first_id,
      stream};
}

}  // namespace heavykeys::detail
