// The canonical byte form of a covariance, in its envelope. All little-endian (docs/format.md):
//
//   spec      u64 dim  u64 sketch_columns  u64 seed  u64 samples
//   elements  u64 groups { i64 exponent  u64 samples  i128 sum[dim]  (sketch) i128 square[dim] }
//   images    (sketch) u64 groups { i64 exponent  u64 samples  i128 sum[columns] }
//   products  u64 groups { i64 exponent  i64 exponent of images  u64 samples  i128 product[...] }
//             whole: row i has the elements i .. dim - 1; sketch: row i has all columns
#include "heavykeys/error.hpp"
#include "lib/covariance_state.hpp"
#include "lib/envelope.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr Envelope kCovariance{.magic = "HEAVYCOV", .name = "a heavykeys covariance", .version = 1};

template <class Groups>
std::uint64_t filled(const Groups& groups) {
  std::uint64_t count = 0;
  for (const auto& [key, group] : groups) count += group.samples > 0;
  return count;
}

void put_elements(ByteWriter& out, const std::map<int, ElementSums>& groups) {
  out.put(filled(groups));
  for (const auto& [exponent, group] : groups) {
    if (group.samples == 0) continue;
    out.put<std::int64_t>(exponent);
    out.put(group.samples);
    out.put_array(group.sums.data(), group.sums.size());
    out.put_array(group.squares.data(), group.squares.size());
  }
}

std::size_t first_column(const CovarianceState& state, std::size_t row) {
  return state.is_sketch() ? 0 : row;
}

void put_products(ByteWriter& out, const CovarianceState& state) {
  out.put(filled(state.products));
  for (const auto& [key, group] : state.products) {
    if (group.samples == 0) continue;
    out.put<std::int64_t>(key.left);
    out.put<std::int64_t>(key.right);
    out.put(group.samples);
    for (std::size_t i = 0; i < state.spec.dim; ++i) {
      const std::size_t first = first_column(state, i);
      out.put_array(&group.sums.at(i, first), state.image_dim() - first);
    }
  }
}

int get_exponent(ByteReader& in) {
  const auto exponent = in.get<std::int64_t>();
  // Samples reach from 2^-1074 to 2^496, images 2^24 times as far.
  if (exponent < -1080 || exponent > kMostExponent + 24 || exponent % 8 != 0)
    ByteReader::fail("an exponent out of range");
  return static_cast<int>(exponent);
}

std::uint64_t get_samples(ByteReader& in, std::uint64_t& left) {
  const auto samples = in.get<std::uint64_t>();
  if (samples == 0 || samples > left) ByteReader::fail("sample counts disagree");
  left -= samples;
  return samples;
}

/// `samples` sums of integers of at most 2^(bits - 1).
std::vector<Int128> get_sums(ByteReader& in, std::size_t count, std::uint64_t samples, int bits) {
  std::vector<Int128> sums = in.get_array<Int128>(count);
  const Int128 most = Int128{static_cast<std::int64_t>(samples)} << (bits - 1);
  for (const Int128 sum : sums) {
    if (sum > most || sum < -most) ByteReader::fail("a sum is too large for its samples");
  }
  return sums;
}

void get_elements(ByteReader& in, std::map<int, ElementSums>& groups, std::size_t size, bool squares,
                  std::uint64_t samples) {
  const auto count = in.get<std::uint64_t>();
  for (std::uint64_t g = 0; g < count; ++g) {
    const int exponent = get_exponent(in);
    if (!groups.empty() && exponent <= groups.rbegin()->first) ByteReader::fail("exponents are not in order");
    ElementSums group;
    group.samples = get_samples(in, samples);
    group.sums = get_sums(in, size, group.samples, kSampleBits + 1);
    if (squares) group.squares = get_sums(in, size, group.samples, 2 * kSampleBits + 1);
    groups.emplace(exponent, std::move(group));
  }
}

void get_products(ByteReader& in, CovarianceState& state, std::uint64_t samples) {
  const auto count = in.get<std::uint64_t>();
  for (std::uint64_t g = 0; g < count; ++g) {
    const int left = get_exponent(in);
    const ProductKey key{left, get_exponent(in)};
    if (!state.products.empty() && key <= state.products.rbegin()->first) {
      ByteReader::fail("exponents are not in order");
    }
    if (!state.is_sketch() && key.left != key.right) ByteReader::fail("exponents of a sample disagree");
    const std::uint64_t here = get_samples(in, samples);
    // All that will be taken has to be there, before memory is.
    // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): the Spec was validated
    if (in.left() / sizeof(Int128) / state.image_dim() < (state.spec.dim + 1) / 2) {
      ByteReader::fail("it ends too early");
    }
    ProductGroup& group = state.products_of(key);
    group.samples = here;
    for (std::size_t i = 0; i < state.spec.dim; ++i) {
      const std::size_t first = first_column(state, i);
      const auto row = get_sums(in, state.image_dim() - first, here, 2 * kSampleBits + 1);
      std::copy(row.begin(), row.end(), &group.sums.at(i, first));
    }
  }
}

}  // namespace

}  // namespace detail

std::vector<std::byte> to_bytes(const Covariance& covariance) {
  const detail::CovarianceState& state = detail::CovarianceAccess::state(covariance);
  detail::ByteWriter body;
  body.put<std::uint64_t>(state.spec.dim);
  body.put<std::uint64_t>(state.spec.sketch_columns);
  body.put(state.spec.seed);
  body.put(state.samples);
  detail::put_elements(body, state.elements);
  if (state.is_sketch()) detail::put_elements(body, state.images);
  detail::put_products(body, state);
  return detail::seal(detail::kCovariance, 1, body.bytes());
}

Covariance covariance_from_bytes(std::span<const std::byte> bytes) {
  using detail::ByteReader;
  ByteReader in = detail::unseal(detail::kCovariance, bytes).body;
  CovarianceSpec spec;
  spec.dim = in.get<std::uint64_t>();
  spec.sketch_columns = in.get<std::uint64_t>();
  spec.seed = in.get<std::uint64_t>();
  const auto samples = in.get<std::uint64_t>();
  try {
    detail::validate(spec);
  } catch (const InvalidInput& e) {
    ByteReader::fail(e.what());
  }
  if (samples > detail::kMostSamples) ByteReader::fail("it claims more samples than there can be");
  Covariance covariance(spec);
  detail::CovarianceState& state = detail::CovarianceAccess::state(covariance);
  state.samples = samples;
  detail::get_elements(in, state.elements, spec.dim, state.is_sketch(), samples);
  if (state.is_sketch()) detail::get_elements(in, state.images, spec.sketch_columns, false, samples);
  detail::get_products(in, state, samples);
  if (!in.at_end()) ByteReader::fail("bytes are left over");
  return covariance;
}

}  // namespace heavykeys
