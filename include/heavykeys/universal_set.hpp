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
struct RowSums;
struct UniversalSetAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// U: by the leverage tau_j(K~) = sup_y (y.k_j)^2 / sum_l (y.k_l)^2 of the gridded keys K~ (|k~ - k| <=
/// 2^(e-P-1), e the column's exponent in its block) or of their lift to monomials (docs/theory.md).
///
/// Guarantee: every key that some query gives a weight >= epsilon is in U, and |U| <= size_bound().
///   x^2          U = {tau >= epsilon}, exactly as in rational arithmetic, ties included; minimal: every
///   member
///                is heavy for some query (LevAttention, arXiv 2410.05462; T1)
///   |x|^p        U = {tau(lift) >= epsilon^(2s/p)}, s = ceil(p/2) (T3, T4). Where the lift would pass 2,100
///                coordinates: Lewis weights (T7); U then depends on the schedule; every such U is valid
///   polynomial   U = {tau(lift) >= epsilon}, the lift having all monomials of the degrees in f (T3)
///   expressive, custom, and |x|^p where the bound is less: the layers of the onion, layer t taking the keys
///                whose leverage in what is left is >= epsilon / (1 - (t - 1) epsilon) (T5)
/// Thresholds are rounded down by at most 2^-30, relatively; decisions on lifts are certified to 2^-41.
class UniversalSet {
 public:
  const Spec& spec() const { return spec_; }              ///< of the sketch
  std::size_t size() const { return ids_.size(); }        ///< |U|
  std::uint64_t row_count() const { return row_count_; }  ///< n
  std::size_t rank() const { return rank_; }              ///< of K~, exact; of its lift, where there is one
  double size_bound() const { return size_bound_; }       ///< proven bound of size()

  // Views into this object: not to be had of one that is about to go.
  std::span<const KeyId> ids() const& { return ids_; }  ///< [size], ascending
  /// [size], tau, relative error <= 1e-10 (one unit, if subnormal). Of lifted keys, and with
  /// Lewis weights, as float64 gives it: about 1e-6, certified within a factor of 4. In an onion, tau in the
  /// key's layer; with Lewis weights, k^T M^-1 k, which may pass 1.
  std::span<const double> leverage() const& { return leverage_; }
  std::span<const int> layer() const& { return layer_; }  ///< [size], from 1; all 1 where there is no onion
  std::span<const double> keys() const&;                  ///< [size, d] row-major, the gridded keys K~
  std::span<const KeyId> ids() && = delete;
  std::span<const double> leverage() && = delete;
  std::span<const int> layer() && = delete;
  std::span<const double> keys() && = delete;

 private:
  friend struct detail::UniversalSetAccess;
  Spec spec_;
  std::uint64_t row_count_ = 0;
  std::size_t rank_ = 0;
  double size_bound_ = 0.0;
  std::vector<KeyId> ids_;
  std::vector<double> leverage_;
  std::vector<int> layer_;
  // Immutable once made, so copies share them.
  std::shared_ptr<const detail::KeyPanel> panel_;  // the keys of U, laid out for dot products
  std::shared_ptr<const detail::RowSums> sums_;    // sum_l f(q.k_l)
};

/// Decides U from a sketch. May be asked at any time; the sketch stays ready for more rows.
/// Cost: O(D^3 + |C| D^2 + block_rows D^2), for each layer of an onion; nothing in n; more only for
/// candidates that float64 cannot decide (D: coordinates of the lift, d where there is none). Throws
/// InvalidInput when a stream has a gap (rows lost), naming the missing rows.
UniversalSet finalize(const Sketch& sketch);

#pragma GCC visibility pop

}  // namespace heavykeys
