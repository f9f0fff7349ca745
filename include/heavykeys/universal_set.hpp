// The universal set U: every key that any query could ever give a weight >= epsilon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "heavykeys/rows.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/spec.hpp"

namespace heavykeys {

namespace detail {
struct KeyPanel;
struct Normalizer;
struct UniversalSetAccess;
}  // namespace detail

/// U = {j : tau_j(K~) >= epsilon}, tau_j = sup_q (q.k_j)^2 / sum_l (q.k_l)^2 (LevAttention, arXiv 2410.05462;
/// T1).
///
/// Guarantee: membership equals the answer in exact rational arithmetic on the gridded keys K~
/// (|k~ - k| <= 2^(e-P-1), e the column's exponent in its block); ties tau = epsilon are members;
/// |U| <= rank/epsilon; U is minimal: every member is heavy for some query.
class UniversalSet {
 public:
  const Spec& spec() const { return spec_; }
  std::size_t size() const { return ids_.size(); }
  std::uint64_t row_count() const { return row_count_; }  ///< n
  std::size_t rank() const { return rank_; }              ///< rank of K~, exact
  double size_bound() const;                              ///< rank / epsilon

  // Views into this object: not to be had of one that is about to go.
  std::span<const KeyId> ids() const& { return ids_; }  ///< [size], ascending
  std::span<const double> leverage() const& {
    return leverage_;
  }                                       ///< [size], tau, relative error <= 1e-10 (one unit, if subnormal)
  std::span<const double> keys() const&;  ///< [size, d] row-major, the gridded keys K~
  std::span<const KeyId> ids() && = delete;
  std::span<const double> leverage() && = delete;
  std::span<const double> keys() && = delete;

 private:
  friend struct detail::UniversalSetAccess;
  Spec spec_;
  std::uint64_t row_count_ = 0;
  std::size_t rank_ = 0;
  std::vector<KeyId> ids_;
  std::vector<double> leverage_;
  // Immutable once made, so copies share them.
  std::shared_ptr<const detail::KeyPanel> panel_;         // the keys of U, laid out for dot products
  std::shared_ptr<const detail::Normalizer> normalizer_;  // sum_l (q.k_l)^2
};

/// Decides U from a sketch. May be asked at any time; the sketch stays ready for more rows.
/// Cost: O(d^3 + |C| d^2 + block_rows d^2), nothing in n; more only for candidates that float64 cannot
/// decide. Throws InvalidInput when a stream has a gap (rows lost), naming the missing rows.
UniversalSet finalize(const Sketch& sketch);

}  // namespace heavykeys
