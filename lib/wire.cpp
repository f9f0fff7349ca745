// The canonical byte form of a sketch. Layout, all little-endian (docs/format.md says more):
//
//   header      "HEAVYKEY"  u32 version  u32 0  u64 size of everything  u64 CRC-64 of all after this field
//   spec        u64 dim  f64 epsilon  u32 score kind  u32 grid_bits  f64 score parameter  u64 block_rows
//   coverage    u64 streams { u64 stream  u64 ranges { u64 begin  u64 end } }
//   gram        u64 rows  i32 low[dim]  i32 high[dim]  u64 words  u64 word[words]
//   candidates  u64 count  { u64 stream  u64 row }[count]  rows
//   fragments   u64 count  { u64 stream  u64 first row  rows }
//   rows        u64 count  u32 bytes of an element: 4 or 8  u32 0  element[count * dim]
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "heavykeys/error.hpp"
#include "heavykeys/sketch.hpp"
#include "lib/byte_stream.hpp"
#include "lib/crc64.hpp"
#include "lib/dtype.hpp"
#include "lib/float_environment.hpp"
#include "lib/leverage.hpp"
#include "lib/sketch_state.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr std::array<char, 8> kMagic{'H', 'E', 'A', 'V', 'Y', 'K', 'E', 'Y'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeader = 32;

void put_rows(ByteWriter& out, const RowStore& store) {
  const Rows view = store.view();
  const bool wide = !fits_float(view);  // by value, not by how memory happens to hold it
  out.put<std::uint64_t>(store.count());
  out.put<std::uint32_t>(wide ? 8 : 4);
  out.put<std::uint32_t>(0);
  if (wide || !store.is_wide()) {
    out.put_array(static_cast<const std::byte*>(store.data()), store.count() * store.dim() * (wide ? 8 : 4));
  } else {
    std::vector<float> floats(store.count() * store.dim());
    read_floats(view, floats.data());
    out.put_array(floats.data(), floats.size());
  }
}

RowStore get_rows(ByteReader& in, std::size_t dim) {
  const auto count = in.get<std::uint64_t>();
  const auto size = in.get<std::uint32_t>();
  if (in.get<std::uint32_t>() != 0 || (size != 4 && size != 8)) ByteReader::fail("rows of an unknown type");
  if (count > (std::uint64_t{1} << 62) / dim) ByteReader::fail("an array is longer than the file");
  RowStore store(dim);
  Rows view;
  std::vector<float> floats;
  std::vector<double> doubles;
  if (size == 4) {
    floats = in.get_array<float>(count * dim);
    view = rows(floats.data(), static_cast<std::size_t>(count), dim);
  } else {
    doubles = in.get_array<double>(count * dim);
    view = rows(doubles.data(), static_cast<std::size_t>(count), dim);
    if (fits_float(view)) ByteReader::fail("rows are wider than their values");
  }
  try {
    require_finite(view);
  } catch (const InvalidInput& e) {
    ByteReader::fail(e.what());
  }
  store.append(view);
  return store;
}

void put_body(ByteWriter& out, const SketchState& s) {
  out.put<std::uint64_t>(s.spec.dim);
  out.put(s.spec.epsilon);
  out.put(static_cast<std::uint32_t>(s.spec.score.kind));
  out.put(static_cast<std::uint32_t>(s.spec.grid_bits));
  out.put(s.spec.score.parameter);
  out.put<std::uint64_t>(s.spec.block_rows);

  std::uint64_t streams = 0;
  for (const auto& [stream, ranges] : s.coverage.streams()) streams += !ranges.empty();
  out.put(streams);
  for (const auto& [stream, ranges] : s.coverage.streams()) {
    if (ranges.empty()) continue;
    out.put(stream);
    out.put<std::uint64_t>(ranges.size());
    out.put_array(ranges.data(), ranges.size());
  }

  out.put(s.gram.rows());
  out.put_array(s.gram.low().data(), s.spec.dim);
  out.put_array(s.gram.high().data(), s.spec.dim);
  out.put<std::uint64_t>(s.gram.words().size());
  out.put_array(s.gram.words().data(), s.gram.words().size());

  Candidates heavy = s.candidates.sorted();
  heavy.keep(decide_leverages(s.gram, heavy.rows, s.spec.epsilon, Effort::thorough).kept);
  out.put<std::uint64_t>(heavy.size());
  out.put_array(heavy.ids.data(), heavy.size());
  put_rows(out, heavy.rows);

  out.put<std::uint64_t>(s.fragments.size());
  for (const auto& [first, run] : s.fragments) {
    out.put(first);
    put_rows(out, run);
  }
}

Spec get_spec(ByteReader& in) {
  Spec spec;
  spec.dim = in.get<std::uint64_t>();
  spec.epsilon = in.get<double>();
  spec.score.kind = static_cast<Score::Kind>(in.get<std::uint32_t>());
  spec.grid_bits = static_cast<int>(in.get<std::uint32_t>());
  spec.score.parameter = in.get<double>();
  spec.block_rows = in.get<std::uint64_t>();
  try {
    validate(spec);
  } catch (const InvalidInput& e) {
    ByteReader::fail(e.what());
  }
  return spec;
}

void get_coverage(ByteReader& in, Coverage& coverage) {
  constexpr std::uint64_t kMaxRow = std::uint64_t{1} << 62;
  const auto streams = in.get<std::uint64_t>();
  std::uint64_t previous = 0;
  for (std::uint64_t i = 0; i < streams; ++i) {
    const auto stream = in.get<std::uint64_t>();
    if (i > 0 && stream <= previous) ByteReader::fail("streams are not in order");
    previous = stream;
    const auto ranges = in.get_array<Range>(in.get<std::uint64_t>());
    if (ranges.empty()) ByteReader::fail("a stream without rows");
    std::uint64_t end = 0;
    for (std::size_t k = 0; k < ranges.size(); ++k) {
      if (ranges[k].begin >= ranges[k].end || ranges[k].end > kMaxRow || (k > 0 && ranges[k].begin <= end)) {
        ByteReader::fail("row ranges are not in order");
      }
      end = ranges[k].end;
      coverage.add(stream, ranges[k]);
    }
  }
}

/// Exponents a block of finite float64 can have.
bool plausible(const std::vector<int>& exponents) {
  return std::all_of(exponents.begin(), exponents.end(),
                     [](int e) { return e == kZeroColumn || (e >= -1080 && e <= 1024); });
}

void get_gram(ByteReader& in, SketchState& s) {
  const auto count = in.get<std::uint64_t>();
  auto low = in.get_array<int>(s.spec.dim);
  auto high = in.get_array<int>(s.spec.dim);
  auto words = in.get_array<Limb>(in.get<std::uint64_t>());
  if (!plausible(low) || !plausible(high) || count > (std::uint64_t{1} << 62) ||
      !ExactGram::restore(s.gram, count, std::move(low), std::move(high), std::move(words))) {
    ByteReader::fail("the Gram matrix does not fit its exponents");
  }
}

void get_fragments(ByteReader& in, SketchState& s) {
  const auto count = in.get<std::uint64_t>();
  KeyId end{};
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto first = in.get<KeyId>();
    RowStore run = get_rows(in, s.spec.dim);
    const Range range{first.row, first.row + run.count()};
    const bool inside = run.count() > 0 && run.count() < s.spec.block_rows &&
                        s.block_of(range.begin) == s.block_of(range.end - 1);
    // Runs that touch inside one block would have been one run.
    const bool touches =
        i > 0 && first.stream == end.stream && range.begin == end.row && range.begin % s.spec.block_rows != 0;
    if (!inside || touches || (i > 0 && first < end)) ByteReader::fail("waiting rows are not in order");
    end = {first.stream, range.end};
    s.fragments.emplace(first, std::move(run));
  }
}

/// True when the value is a multiple of 2^(low - P) and at most 2^high: a value of this column's grid.
bool on_grid(double value, int low, int high, int grid_bits) {
  if (value == 0.0) return true;
  if (low == kZeroColumn ||
      std::fabs(value) > std::ldexp(1.0, std::min(high, 1023)) * (high > 1023 ? 2.0 : 1.0))
    return false;
  const double units =
      std::ldexp(value, grid_bits - low);  // exact: low <= high, and the value is not small beside 2^low
  return !std::isfinite(units) || units == std::nearbyint(units);
}

/// Candidates lie in complete blocks; waiting rows do not; the Gram matrix is of the complete blocks.
void check_together(const SketchState& s) {
  Coverage complete = s.coverage;
  for (const auto& run : s.fragments) {
    const Range range = s.fragment_range(run);
    Range both;
    if (!complete.overlaps(run.first.stream, range, &both) || both != range) {
      ByteReader::fail("waiting rows outside the rows absorbed");
    }
    complete.remove(run.first.stream, range);
  }
  for (const auto& [stream, ranges] : complete.streams()) {
    for (const Range& r : ranges) {
      if (r.begin % s.spec.block_rows != 0 || r.end % s.spec.block_rows != 0) {
        ByteReader::fail("rows are neither waiting nor in a complete block");
      }
    }
  }
  if (complete.row_count() != s.gram.rows()) ByteReader::fail("row counts disagree");
  std::vector<double> row(s.spec.dim);
  for (std::size_t i = 0; i < s.candidates.size(); ++i) {
    const KeyId id = s.candidates.ids[i];
    if (i > 0 && !(s.candidates.ids[i - 1] < id)) ByteReader::fail("candidates are not in order");
    if (!complete.overlaps(id.stream, {id.row, id.row + 1}))
      ByteReader::fail("a candidate was never absorbed");
    s.candidates.rows.read(i, row.data());
    for (std::size_t c = 0; c < s.spec.dim; ++c) {
      if (!on_grid(row[c], s.gram.low()[c], s.gram.high()[c], s.spec.grid_bits))
        ByteReader::fail("a candidate is not on the grid");
    }
  }
}

}  // namespace

}  // namespace detail

std::vector<std::byte> to_bytes(const Sketch& sketch) {
  const detail::FloatEnvironment ieee;
  detail::ByteWriter body;
  detail::put_body(body, detail::SketchAccess::state(sketch));
  detail::ByteWriter out;
  out.put_array(detail::kMagic.data(), detail::kMagic.size());
  out.put(detail::kVersion);
  out.put<std::uint32_t>(0);
  out.put<std::uint64_t>(detail::kHeader + body.bytes().size());
  out.put(detail::crc64(body.bytes()));
  out.put_array(body.bytes().data(), body.bytes().size());
  return out.take();
}

Sketch from_bytes(std::span<const std::byte> bytes) {
  const detail::FloatEnvironment ieee;
  using detail::ByteReader;
  ByteReader in(bytes);
  if (bytes.size() < detail::kHeader ||
      std::memcmp(bytes.data(), detail::kMagic.data(), detail::kMagic.size()) != 0) {
    throw Corrupt("not a heavykeys sketch");
  }
  in.get<std::uint64_t>();  // the magic
  const auto version = in.get<std::uint32_t>();
  if (version > detail::kVersion) {
    throw Corrupt("the sketch is of format version " + std::to_string(version) +
                  "; this program reads up to version " + std::to_string(detail::kVersion));
  }
  if (version == 0 || in.get<std::uint32_t>() != 0) ByteReader::fail("its header is damaged");
  const auto size = in.get<std::uint64_t>();
  if (size != bytes.size()) {
    ByteReader::fail("it has " + std::to_string(bytes.size()) + " bytes and says " + std::to_string(size));
  }
  if (in.get<std::uint64_t>() != detail::crc64(bytes.subspan(detail::kHeader)))
    ByteReader::fail("its checksum is wrong");

  Sketch sketch(detail::get_spec(in));
  detail::SketchState& s = detail::SketchAccess::state(sketch);
  detail::get_coverage(in, s.coverage);
  detail::get_gram(in, s);
  s.candidates.ids = in.get_array<KeyId>(in.get<std::uint64_t>());
  s.candidates.rows = detail::get_rows(in, s.spec.dim);
  if (s.candidates.rows.count() != s.candidates.size()) ByteReader::fail("candidates without rows");
  detail::get_fragments(in, s);
  if (!in.at_end()) ByteReader::fail("bytes are left over");
  detail::check_together(s);
  // What is left, such as a candidate that is not heavy, shows when it is written again.
  const std::vector<std::byte> again = to_bytes(sketch);
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()))
    ByteReader::fail("it is not in canonical form");
  return sketch;
}

}  // namespace heavykeys
