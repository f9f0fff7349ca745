#include "lib/key_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "heavykeys/spec.hpp"
#include "lib/block_gram.hpp"
#include "lib/exact_leverage.hpp"
#include "lib/grid.hpp"
#include "lib/kernels.hpp"
#include "lib/scaled_gram.hpp"
#include "lib/stage.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kPrintable = 1e-10;
constexpr double kUnit = 0x1p-53;
constexpr double kSlack = 1.0 + 1e-8;  // rounding of the bounds themselves
/// Below this, underflow may have cost low bits.
constexpr double kUnderflow = 0x1p-900;
constexpr std::size_t kPanel = 256;

Spec spec_of(const Rows& keys, int grid_bits) {
  Spec spec;
  spec.dim = keys.dim;
  spec.epsilon = 1.0;
  spec.grid_bits = grid_bits;
  validate(spec);
  return spec;
}

}  // namespace

KeyGeometry::KeyGeometry(const Rows& keys, int grid_bits)
    : gram_(spec_of(keys, grid_bits).dim, grid_bits), rows_(keys.dim) {
  grid(keys, grid_bits);
  scale_ = equilibration(gram_);
  columns_ = nonzero_columns(gram_);
  if (count() >= columns_.size()) factor_.emplace(gram_, scale_, columns_);
  if (!factor_ || !factor_->certified()) {
    columns_ = exact_column_basis(gram_, columns_);
    factor_.emplace(gram_, scale_, columns_);
    if (!factor_->certified()) factor_.reset();
  }
  if (factor_) prepare_whitening();
}

void KeyGeometry::grid(const Rows& keys, int grid_bits) {
  const Spec spec = spec_of(keys, grid_bits);
  BlockGram block(spec);
  std::vector<double> row(keys.dim);
  for (std::size_t begin = 0; begin < keys.count;) {
    // Blocks by row id, as a sketch cuts them.
    const std::uint64_t id = keys.first_id + begin;
    const auto room = static_cast<std::size_t>(spec.block_rows - id % spec.block_rows);
    const std::size_t length = std::min(room, keys.count - begin);
    block.compute(keys.slice(begin, length));
    gram_.add_block(block.exponents(), block.sums(), block.width(), length);
    for (std::size_t first = 0; first < length; first += BlockGram::kPanelRows) {
      const std::size_t rows = std::min(BlockGram::kPanelRows, length - first);
      const std::int32_t* q = block.panel(first, rows);
      for (std::size_t r = 0; r < rows; ++r, q += block.width()) {
        for (std::size_t c = 0; c < keys.dim; ++c)
          row[c] = gridded_value(q[c], block.exponents()[c], grid_bits);
        rows_.append(row.data());
      }
    }
    begin += length;
  }
}

void KeyGeometry::prepare_whitening() {
  columns_ = factor_->order();
  const std::size_t d = rank(), ld = padded(d);
  const std::vector<double> inverse = factor_->inverse();
  whitening_.assign(d * ld, 0.0);
  double squares = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      whitening_[j * ld + i] = inverse[i * d + j];
      squares += inverse[i * d + j] * inverse[i * d + j];
    }
  }
  norm_ = std::sqrt(squares) * kSlack;
  // Of the factor; of rounding it to double; of dot products of d terms.
  slope_ = (factor_->inverse_error() + (static_cast<double>(d) + 3) * kUnit * norm_) * kSlack;
}

double KeyGeometry::gather(std::size_t r, double* out) const {
  std::vector<double> row(rows_.dim());
  rows_.read(r, row.data());
  scale_row(row.data(), scale_, row.data());
  double squares = 0.0;
  for (std::size_t j = 0; j < columns_.size(); ++j) {
    out[j] = row[columns_[j]];
    squares += out[j] * out[j];
  }
  return std::sqrt(squares) * kSlack;
}

std::vector<std::size_t> KeyGeometry::by_coordinates(const std::vector<std::size_t>& rows,
                                                     std::vector<double>& tau) const {
  std::vector<std::size_t> open;
  const std::size_t d = rank(), ld = padded(d);
  const double n = static_cast<double>(d);
  std::vector<double> panel(kPanel * d), lengths(kPanel), row(rows_.dim());
  std::vector<DoubleDouble> wide(rows_.dim());
  AlignedVector<double> image(kPanel * ld);
  Stage stage("leverage_scores", rows.size() / kPanel + 1);
  for (std::size_t first = 0; first < rows.size(); first += kPanel) {
    stage.step();
    const std::size_t count = std::min(kPanel, rows.size() - first);
    for (std::size_t i = 0; i < count; ++i) lengths[i] = gather(rows[first + i], panel.data() + i * d);
    dot_products(panel.data(), count, d, whitening_.data(), ld, image.data());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = first + i;
      if (std::all_of(panel.begin() + static_cast<std::ptrdiff_t>(i * d),
                      panel.begin() + static_cast<std::ptrdiff_t>((i + 1) * d),
                      [](double v) { return v == 0.0; })) {
        open.push_back(at);  // zeros, or all lost to underflow
        continue;
      }
      double value = 0.0;
      for (std::size_t c = 0; c < d; ++c) value += image[i * ld + c] * image[i * ld + c];
      // sqrt(value) is within slope * length of the truth, apart from the sum's own d + 1 roundings.
      const double relative = 2.0 * (slope_ * lengths[i] / std::sqrt(value) + (n + 4) * kUnit + theta());
      tau[at] = value;
      if (value > kUnderflow && relative * kSlack <= 0.25 * kPrintable) continue;
      rows_.read(rows[at], row.data());
      scale_row(row.data(), scale_, row.data());
      std::copy(row.begin(), row.end(), wide.begin());
      Interval precise;
      factor_->leverages(wide.data(), 1, wide.size(), 0.0, &precise);
      tau[at] = precise.value;
      if (!(precise.upper - precise.lower <= kPrintable * precise.value)) open.push_back(at);
    }
  }
  return open;
}

void KeyGeometry::by_exact(const std::vector<std::size_t>& rows, const std::vector<std::size_t>& open,
                           std::vector<double>& tau) const {
  std::map<std::vector<double>, std::size_t> first_of;  // each distinct row once
  std::vector<std::size_t> distinct, undecided, decision_of;
  std::vector<double> row(rows_.dim());
  for (std::size_t at : open) {
    rows_.read(rows[at], row.data());
    tau[at] = 0.0;
    if (std::all_of(row.begin(), row.end(), [](double v) { return v == 0.0; })) continue;
    const auto [it, is_new] = first_of.try_emplace(row, distinct.size());
    if (is_new) distinct.push_back(rows[at]);
    undecided.push_back(at);
    decision_of.push_back(it->second);
  }
  if (distinct.empty()) return;
  const Lift plain(rows_.dim(), {1});
  const auto decisions = exact_leverages(gram_, columns_, LiftedRows(rows_, plain), distinct, 0.5);
  for (std::size_t i = 0; i < undecided.size(); ++i) tau[undecided[i]] = decisions[decision_of[i]].tau;
}

std::vector<double> KeyGeometry::leverages(const std::vector<std::size_t>& rows) const {
  std::vector<double> tau(rows.size(), 0.0);
  std::vector<std::size_t> open(rows.size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  if (factor_) open = by_coordinates(rows, tau);
  if (!open.empty()) by_exact(rows, open, tau);
  for (double& t : tau) t = std::min(t, 1.0);
  return tau;
}

}  // namespace heavykeys::detail
