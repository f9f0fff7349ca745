// The canonical byte form of a sketch. Layout, all little-endian (docs/format.md says more):
//
//   header      "HEAVYKEY"  u32 version  u32 0  u64 size of everything  u64 CRC-64 of all after this field
//   spec        u64 dim  f64 epsilon  u32 score kind  u32 grid_bits  f64 score parameter  u64 block_rows
//     version 2 u64 sample_rows  u64 seed  u64 coefficients { f64 }  u64 length of label { u8 }
//   coverage    u64 streams { u64 stream  u64 ranges { u64 begin  u64 end } }
//   gram        u64 rows  i32 low[D]  i32 high[D]  u64 words  u64 word[words], D = dim without a lift
//     weighted  gram of the rows without weights  u64 weights { i64 a  u64 rows of weight 4^a }
//   candidates  u64 count  { u64 stream  u64 row }[count]  rows
//   sample      version 2: u64 count  { u64 stream  u64 row }[count]  rows
//   fragments   u64 count  { u64 stream  u64 first row  rows }
//   rows        u64 count  u32 bytes of an element: 4 or 8  u32 0  element[count * dim]
#include <algorithm>

#include "heavykeys/error.hpp"
#include "heavykeys/sketch.hpp"
#include "lib/byte_stream.hpp"
#include "lib/envelope.hpp"
#include "lib/float_environment.hpp"
#include "lib/lewis.hpp"
#include "lib/onion.hpp"
#include "lib/row_bytes.hpp"
#include "lib/sketch_state.hpp"
#include "lib/stage.hpp"
#include "lib/state_check.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr Envelope kSketch{.magic = "HEAVYKEY", .name = "a heavykeys sketch", .version = 2};

/// Version 1 says all there is to say of f = x^2; what needs no more is still written so.
std::uint32_t version_of(const Spec& spec) {
  const Spec plain{
      .dim = spec.dim, .epsilon = spec.epsilon, .grid_bits = spec.grid_bits, .block_rows = spec.block_rows};
  return spec == plain ? 1 : 2;
}

void put_spec(ByteWriter& out, const Spec& spec) {
  out.put<std::uint64_t>(spec.dim);
  out.put(spec.epsilon);
  out.put(static_cast<std::uint32_t>(spec.score.kind));
  out.put(static_cast<std::uint32_t>(spec.grid_bits));
  out.put(spec.score.parameter);
  out.put<std::uint64_t>(spec.block_rows);
  if (version_of(spec) == 1) return;
  out.put<std::uint64_t>(spec.sample_rows);
  out.put(spec.seed);
  out.put<std::uint64_t>(spec.score.coefficients.size());
  out.put_array(spec.score.coefficients.data(), spec.score.coefficients.size());
  out.put<std::uint64_t>(spec.score.label.size());
  out.put_array(spec.score.label.data(), spec.score.label.size());
}

void put_gram(ByteWriter& out, const ExactGram& gram) {
  out.put(gram.rows());
  out.put_array(gram.low().data(), gram.dim());
  out.put_array(gram.high().data(), gram.dim());
  out.put<std::uint64_t>(gram.words().size());
  out.put_array(gram.words().data(), gram.words().size());
}

void put_metric(ByteWriter& out, const Metric& metric) {
  put_gram(out, metric.gram);
  if (!metric.plain) return;
  put_gram(out, *metric.plain);
  out.put<std::uint64_t>(metric.weights.size());
  for (const auto& [exponent, rows] : metric.weights) {
    out.put<std::int64_t>(exponent);
    out.put(rows);
  }
}

void put_body(ByteWriter& out, const SketchState& s) {
  put_spec(out, s.spec);

  std::uint64_t streams = 0;
  for (const auto& [stream, ranges] : s.coverage.streams()) streams += !ranges.empty();
  out.put(streams);
  for (const auto& [stream, ranges] : s.coverage.streams()) {
    if (ranges.empty()) continue;
    out.put(stream);
    out.put<std::uint64_t>(ranges.size());
    out.put_array(ranges.data(), ranges.size());
  }

  put_metric(out, s.metric);
  Candidates heavy = s.candidates.sorted();
  heavy.keep(peel(*s.plan, s.metric, heavy.rows, Effort::thorough).kept);
  out.put<std::uint64_t>(heavy.size());
  out.put_array(heavy.ids.data(), heavy.size());
  put_rows(out, heavy.rows);
  if (version_of(s.spec) > 1) s.sample.put(out);

  out.put<std::uint64_t>(s.fragments.size());
  for (const auto& [first, run] : s.fragments) {
    out.put(first);
    put_rows(out, run);
  }
}

Spec get_spec(ByteReader& in, std::uint32_t version, const std::vector<Score>& custom) {
  Spec spec;
  spec.dim = in.get<std::uint64_t>();
  spec.epsilon = in.get<double>();
  spec.score.kind = static_cast<Score::Kind>(in.get<std::uint32_t>());
  spec.grid_bits = static_cast<int>(in.get<std::uint32_t>());
  spec.score.parameter = in.get<double>();
  spec.block_rows = in.get<std::uint64_t>();
  if (version > 1) {
    spec.sample_rows = in.get<std::uint64_t>();
    spec.seed = in.get<std::uint64_t>();
    spec.score.coefficients = in.get_array<double>(in.get<std::uint64_t>());
    const auto label = in.get_array<char>(in.get<std::uint64_t>());
    spec.score.label.assign(label.begin(), label.end());
  }
  try {
    validate(spec);
  } catch (const InvalidInput& e) {
    ByteReader::fail(e.what());
  }
  if (version != version_of(spec)) ByteReader::fail("its format version does not fit its spec");
  for (const Score& score : custom) {
    if (score == spec.score) spec.score.function = score.function;
  }
  return spec;
}

void get_coverage(ByteReader& in, Coverage& coverage) {
  constexpr std::uint64_t kMaxRow = std::uint64_t{1} << 62;
  const auto streams = in.get<std::uint64_t>();
  std::uint64_t previous = 0, rows = 0;
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
      rows += ranges[k].end - ranges[k].begin;  // at most 2^63
      if (rows > kMaxRow) ByteReader::fail("it claims more rows than there can be");
      coverage.add(stream, ranges[k]);
    }
  }
}

/// Exponents that blocks of finite float64 can have, up to `reach` times those of plain ones.
bool plausible(const std::vector<int>& exponents, int reach) {
  return std::all_of(exponents.begin(), exponents.end(),
                     [&](int e) { return e == kZeroColumn || (e >= -1080 * reach && e <= 1024 * reach); });
}

void get_gram(ByteReader& in, ExactGram& gram, int reach) {
  const auto count = in.get<std::uint64_t>();
  auto low = in.get_array<int>(gram.dim());
  auto high = in.get_array<int>(gram.dim());
  auto words = in.get_array<Limb>(in.get<std::uint64_t>());
  if (!plausible(low, reach) || !plausible(high, reach) || count > (std::uint64_t{1} << 62) ||
      !ExactGram::restore(gram, count, std::move(low), std::move(high), std::move(words))) {
    ByteReader::fail("the Gram matrix does not fit its exponents");
  }
}

void get_metric(ByteReader& in, const Plan& plan, Metric& metric) {
  const bool plain = plan.lift.is_trivial() && !plan.rule.weighted;
  get_gram(in, metric.gram, plain ? 1 : plan.lift.top_degree() + 1);
  if (!metric.plain) return;
  get_gram(in, *metric.plain, 1);
  const auto count = in.get<std::uint64_t>();
  std::uint64_t rows = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto exponent = in.get<std::int64_t>();
    const auto number = in.get<std::uint64_t>();
    const bool in_order = metric.weights.empty() || exponent > metric.weights.rbegin()->first;
    if (!in_order || exponent < kLeastArrival || exponent > 0 || number == 0) {
      ByteReader::fail("weights are not in order");
    }
    if (number > metric.gram.rows() - rows) ByteReader::fail("row counts disagree");
    metric.weights.emplace(static_cast<int>(exponent), number);
    rows += number;
  }
  if (rows != metric.gram.rows() || rows != metric.plain->rows()) ByteReader::fail("row counts disagree");
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

}  // namespace

}  // namespace detail

std::vector<std::byte> to_bytes(const Sketch& sketch) {
  const detail::FloatEnvironment ieee;
  const detail::Unwatched whole;  // what a cancelled call has left can be stored
  detail::ByteWriter body;
  detail::put_body(body, detail::SketchAccess::state(sketch));
  return detail::seal(detail::kSketch, detail::version_of(sketch.spec()), body.bytes());
}

Sketch from_bytes(std::span<const std::byte> bytes, const std::vector<Score>& custom) {
  const detail::FloatEnvironment ieee;
  const detail::Unwatched whole;
  using detail::ByteReader;
  auto [version, in] = detail::unseal(detail::kSketch, bytes);
  Sketch sketch(detail::get_spec(in, version, custom));
  detail::SketchState& s = detail::SketchAccess::state(sketch);
  detail::get_coverage(in, s.coverage);
  detail::get_metric(in, *s.plan, s.metric);
  s.candidates.ids = in.get_array<KeyId>(in.get<std::uint64_t>());
  s.candidates.rows = detail::get_rows(in, s.spec.dim);
  if (s.candidates.rows.count() != s.candidates.size()) ByteReader::fail("candidates without rows");
  if (version > 1) {
    s.sample = detail::RowSample::get(in, s.spec.dim, s.sample.capacity(), s.spec.seed);
  }
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
