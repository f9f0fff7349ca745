#include "lib/candidates.hpp"

#include <algorithm>
#include <numeric>

namespace heavykeys::detail {

void Candidates::append(KeyId id, const double* row) {
  rows.append(row);
  ids.push_back(id);
}

void Candidates::append(const Candidates& other) {
  rows.append(other.rows);
  ids.insert(ids.end(), other.ids.begin(), other.ids.end());
}

void Candidates::reserve(const Candidates& more) {
  rows.reserve(more.size(), more.rows.is_wide());
  if (ids.size() + more.size() > ids.capacity())
    ids.reserve(std::max(ids.size() + more.size(), 2 * ids.capacity()));
}

void Candidates::keep(const std::vector<std::size_t>& indices) {
  for (std::size_t k = 0; k < indices.size(); ++k) ids[k] = ids[indices[k]];
  ids.resize(indices.size());
  rows.keep(indices);
}

Candidates Candidates::sorted() const {
  std::vector<std::size_t> order(size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
  Candidates out(rows.dim());
  std::vector<double> row(rows.dim());
  for (std::size_t i : order) {
    rows.read(i, row.data());
    out.append(ids[i], row.data());
  }
  return out;
}

std::size_t Candidates::soft_limit(std::size_t dim) {
  return std::max<std::size_t>(8192, (std::size_t{1} << 18) / dim);
}

}  // namespace heavykeys::detail
