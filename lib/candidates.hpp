// Rows that may be in the universal set: their names and their gridded values.
#pragma once

#include <vector>

#include "lib/row_store.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

struct HEAVYKEYS_SIBLINGS Candidates {
  explicit Candidates(std::size_t dim) : rows(dim) {}

  std::vector<KeyId> ids;
  RowStore rows;

  std::size_t size() const { return ids.size(); }
  void append(KeyId id, const double* row);
  void append(const Candidates& other);
  void reserve(const Candidates& more);  ///< makes append(more) unable to throw
  void keep(const std::vector<std::size_t>& indices);
  /// A copy with ids ascending.
  Candidates sorted() const;

  /// Above this many, candidates are pruned against the Gram matrix at hand: n-free, and rare.
  static std::size_t soft_limit(std::size_t dim);
};

}  // namespace heavykeys::detail
