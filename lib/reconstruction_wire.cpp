// The canonical byte form of a reconstructor. Layout, all little-endian (docs/format.md):
//
//   header   of lib/envelope.hpp, "HEAVYREC", version 1
//   what     u64 dim  u64 computed  u32 choice  u32 estimator  u64 components  f64 ridge  u64 seed
//            u64 sample_queries  f64 predicted error  u64 coefficients  u32 factored  u32 0
//   map      u64 element[computed]  f64 mean[dim]  factored: f64 to[computed, coefficients]
//            f64 from[coefficients, dim - computed]
#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/atomic_file.hpp"
#include "lib/byte_stream.hpp"
#include "lib/envelope.hpp"
#include "lib/float_environment.hpp"
#include "lib/reconstructor_state.hpp"

namespace heavykeys {
namespace detail {

namespace {

constexpr Envelope kReconstructor{"HEAVYREC", "a heavykeys reconstructor"};
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 32;

void put_body(ByteWriter& out, const ReconstructorState& s) {
  const ReconstructorOptions& o = s.options;
  out.put<std::uint64_t>(s.dim);
  out.put<std::uint64_t>(o.computed);
  out.put(static_cast<std::uint32_t>(o.choice));
  out.put(static_cast<std::uint32_t>(o.estimator));
  out.put<std::uint64_t>(o.components);
  out.put(o.ridge);
  out.put<std::uint64_t>(o.seed);
  out.put<std::uint64_t>(o.sample_queries);
  out.put(s.predicted_error);
  out.put<std::uint64_t>(s.coefficients);
  out.put<std::uint32_t>(s.factored ? 1 : 0);
  out.put<std::uint32_t>(0);
  for (const std::size_t e : s.computed) out.put<std::uint64_t>(e);
  out.put_array(s.mean.data(), s.mean.size());
  if (s.factored) {
    for (std::size_t k = 0; k < s.computed.size(); ++k) {
      out.put_array(s.to.data() + k * s.padded_coefficients(), s.coefficients);
    }
  }
  for (std::size_t c = 0; c < s.coefficients; ++c) {
    for (std::size_t r = 0; r < s.rest.size(); r += s.block) {
      out.put_array(s.from.data() + (r / s.block * s.coefficients + c) * s.block,
                    std::min(s.block, s.rest.size() - r));
    }
  }
}

/// Everything up to the arrays, and how many bytes those must have.
std::uint64_t get_what(ByteReader& in, ReconstructorState& s) {
  ReconstructorOptions& o = s.options;
  s.dim = in.get<std::uint64_t>();
  o.computed = in.get<std::uint64_t>();
  o.choice = static_cast<Choice>(in.get<std::uint32_t>());
  o.estimator = static_cast<Estimator>(in.get<std::uint32_t>());
  o.components = in.get<std::uint64_t>();
  o.ridge = in.get<double>();
  o.seed = in.get<std::uint64_t>();
  o.sample_queries = in.get<std::uint64_t>();
  s.predicted_error = in.get<double>();
  s.coefficients = in.get<std::uint64_t>();
  const auto factored = in.get<std::uint32_t>(), zero = in.get<std::uint32_t>();
  s.factored = factored == 1;
  const bool sized = s.dim >= 1 && s.dim < kMostElements && o.computed >= 1 && o.computed <= s.dim &&
                     o.components <= s.dim && s.coefficients <= s.dim && factored <= 1 && zero == 0;
  if (!sized || (!s.factored && s.coefficients != o.computed))
    ByteReader::fail("its sizes do not fit together");
  const bool known = o.choice >= Choice::pivoted && o.choice <= Choice::strided &&
                     o.estimator >= Estimator::lmmse && o.estimator <= Estimator::least_squares;
  if (!known || !(o.ridge >= 0.0 && o.ridge <= 1.0) || o.sample_queries < 1 ||
      s.dim % o.sample_queries != 0 || !(s.predicted_error >= 0.0) || !std::isfinite(s.predicted_error)) {
    ByteReader::fail("its options are out of range");
  }
  const std::uint64_t map = s.coefficients * (s.dim - o.computed + (s.factored ? o.computed : 0));
  return o.computed + s.dim + map <= std::uint64_t{1} << 60 ? 8 * (o.computed + s.dim + map)
                                                            : ~std::uint64_t{0};
}

std::vector<double> get_finite(ByteReader& in, std::uint64_t count) {
  std::vector<double> values = in.get_array<double>(count);
  for (const double v : values) {
    if (!std::isfinite(v)) ByteReader::fail("a number is not finite");
  }
  return values;
}

void get_arrays(ByteReader& in, ReconstructorState& s) {
  for (const std::uint64_t e : in.get_array<std::uint64_t>(s.options.computed)) {
    if (e >= s.dim || (!s.computed.empty() && e <= s.computed.back()))
      ByteReader::fail("its elements are not ascending");
    s.computed.push_back(e);
  }
  s.mean = get_finite(in, s.dim);
  s.prepare();
  if (s.factored) {
    const std::vector<double> to = get_finite(in, s.computed.size() * s.coefficients);
    for (std::size_t k = 0; k < s.computed.size(); ++k) {
      std::copy_n(to.data() + k * s.coefficients, s.coefficients, s.to.data() + k * s.padded_coefficients());
    }
  }
  for (std::size_t c = 0; c < s.coefficients; ++c) {
    const std::vector<double> row = get_finite(in, s.rest.size());
    for (std::size_t r = 0; r < row.size(); ++r) s.from_at(c, r) = row[r];
  }
}

}  // namespace

}  // namespace detail

std::vector<std::byte> to_bytes(const Reconstructor& reconstructor) {
  detail::ByteWriter body;
  detail::put_body(body, detail::ReconstructorAccess::state(reconstructor));
  return detail::seal(detail::kReconstructor, 1, body.bytes());
}

Reconstructor reconstructor_from_bytes(std::span<const std::byte> bytes) {
  const detail::FloatEnvironment ieee;
  detail::ByteReader in = detail::unseal(detail::kReconstructor, bytes).body;
  detail::ReconstructorState state;
  // Compared before memory is taken; from here on the reader cannot run out.
  if (detail::get_what(in, state) != in.left()) detail::ByteReader::fail("its sizes do not fit together");
  detail::get_arrays(in, state);
  return detail::ReconstructorAccess::make(std::move(state));
}

void save(const Reconstructor& reconstructor, const std::filesystem::path& path) {
  detail::write_file_atomically(path, to_bytes(reconstructor));
}

Reconstructor load_reconstructor(const std::filesystem::path& path) {
  try {
    return reconstructor_from_bytes(detail::read_file(path));
  } catch (const Corrupt& e) {
    throw Corrupt(path.string() + ": " + e.what());
  }
}

}  // namespace heavykeys
