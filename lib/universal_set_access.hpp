// For the code that makes universal sets and the code that reads all of them.
#pragma once

#include "heavykeys/universal_set.hpp"
#include "lib/key_panel.hpp"
#include "lib/row_sums.hpp"

namespace heavykeys::detail {

struct UniversalSetAccess {
  static Spec& spec(UniversalSet& u) { return u.spec_; }
  static std::uint64_t& row_count(UniversalSet& u) { return u.row_count_; }
  static std::size_t& rank(UniversalSet& u) { return u.rank_; }
  static double& size_bound(UniversalSet& u) { return u.size_bound_; }
  static std::vector<KeyId>& ids(UniversalSet& u) { return u.ids_; }
  static std::vector<double>& leverage(UniversalSet& u) { return u.leverage_; }
  static std::vector<int>& layer(UniversalSet& u) { return u.layer_; }
  static std::shared_ptr<const KeyPanel>& panel(UniversalSet& u) { return u.panel_; }
  static const KeyPanel& panel(const UniversalSet& u) { return *u.panel_; }
  static bool is_made(const UniversalSet& u) { return u.sums_ != nullptr; }
  static std::shared_ptr<const RowSums>& sums(UniversalSet& u) { return u.sums_; }
  static const RowSums& sums(const UniversalSet& u) { return *u.sums_; }
};

}  // namespace heavykeys::detail
