// The same rows by two schedules: sketch, universal set, heavy entries, causal pass, scan, bit for bit.
#include <functional>
#include <numeric>

#include "engines/engine.hpp"
#include "fuzz/schedule_case.hpp"
#include "fuzz/target.hpp"
#include "heavykeys/distributed.hpp"
#include "support/in_process.hpp"

namespace fuzz {

namespace {

using namespace heavykeys;
using engines::difference;

/// What a call gave, or the text of the InvalidInput that it threw.
template <class T>
struct Outcome {
  std::optional<T> value;
  std::string error;
};

template <class T>
Outcome<T> outcome(const std::function<T()>& call) {
  try {
    return {call(), {}};
  } catch (const InvalidInput& error) {
    return {std::nullopt, error.what()};
  }
}

template <class T>
void require_same(const Outcome<T>& a, const Outcome<T>& b, const std::string& what) {
  require(a.error == b.error, what + " fails alike: \"" + a.error + "\" and \"" + b.error + "\"");
  if (!a.value) return;
  const std::string text = difference(*a.value, *b.value);
  require(text.empty(), what + " is the same: " + text);
}

std::vector<support::Buffer> buffers(const Case& c, const Schedule& schedule) {
  std::vector<support::Buffer> out;
  for (const support::Matrix& m : c.streams) out.emplace_back(m, c.dtype, schedule.layout);
  return out;
}

/// All rows of a stream at once, in order, on the plainest path.
Schedule reference_of(const Case& c) {
  Schedule plain;
  plain.isa = "portable";
  for (std::size_t s = 0; s < c.streams.size(); ++s) {
    if (c.streams[s].rows > 0) plain.pushes.push_back({s, {0, c.streams[s].rows}, 0});
  }
  return plain;
}

Sketch stored(const Sketch& sketch) { return heavykeys::from_bytes(to_bytes(sketch), {sketch.spec().score}); }

Sketch absorbed(const Case& c, const Schedule& schedule) {
  const std::vector<support::Buffer> keys = buffers(c, schedule);
  std::vector<Sketch> parts(schedule.sketches, Sketch(c.spec));
  for (const Push& push : schedule.pushes) {
    const Rows all = keys[push.stream].rows(0, push.stream);
    schedule.engine.absorb(parts[push.sketch], all.slice(push.piece.begin, push.piece.length));
    if (schedule.finalized && &push == &schedule.pushes.front()) {
      outcome<UniversalSet>([&] { return finalize(parts[push.sketch]); });
    }
  }
  Sketch whole = schedule.stored ? stored(parts.back()) : parts.back();
  for (std::size_t i = parts.size() - 1; i-- > 0;)
    merge(whole, schedule.stored ? stored(parts[i]) : parts[i]);
  return whole;
}

/// Pieces of the first stream, in order.
std::vector<support::Piece> in_order(const Schedule& schedule) {
  std::vector<support::Piece> pieces;
  for (const Push& push : schedule.pushes) {
    if (push.stream == 0) pieces.push_back(push.piece);
  }
  std::sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return pieces;
}

Outcome<HeavyEntries> causal_entries(const Case& c, const Schedule& schedule) {
  const support::Buffer keys(c.streams[0], c.dtype, schedule.layout), queries(c.queries, c.dtype);
  return outcome<HeavyEntries>([&] {
    CausalHeavy pass(c.spec, queries.rows(), c.streams[0].rows, c.what);
    for (const auto& piece : in_order(schedule)) {
      schedule.engine.absorb(pass, keys.rows().slice(piece.begin, piece.length));
    }
    return pass.finish();
  });
}

Outcome<HeavyEntries> scanned(const Case& c, const Schedule& schedule) {
  const support::Buffer keys(c.streams[0], c.dtype, schedule.layout), queries(c.queries, c.dtype);
  return outcome<HeavyEntries>([&] {
    const ScanOptions options{.causal = c.causal,
                              .key_count = c.streams[0].rows,
                              .mode = c.what.mode,
                              .tolerance = c.tolerance};
    Scan scan(c.scan_score, c.spec.epsilon, queries.rows(), options);
    for (const auto& piece : in_order(schedule)) {
      schedule.engine.absorb(scan, keys.rows().slice(piece.begin, piece.length));
    }
    return scan.finish();
  });
}

struct Answers {
  std::vector<std::byte> bytes;
  Outcome<UniversalSet> set;
  Outcome<HeavyEntries> entries;  // of the finalized sketch, the causal pass, or the scan
};

Answers answers(const Case& c, const Schedule& schedule) {
  const engines::UsingIsa isa(schedule.isa);
  const Sketch sketch = absorbed(c, schedule);
  const support::Buffer queries(c.queries, c.dtype, schedule.layout);
  Answers out{to_bytes(sketch), {}, {}};
  const auto ask = [&] { out.set = outcome<UniversalSet>([&] { return finalize(sketch); }); };
  switch (c.question) {
    case Case::Question::set:
      ask();
      break;
    case Case::Question::entries:
      ask();
      if (!out.set.value) break;
      out.entries = outcome<HeavyEntries>([&] {
        const UniversalSet& set = *out.set.value;
        if (schedule.engine.schedule == engines::Schedule::streaming) {
          return heavy_entries(set, queries.rows(), c.what);
        }
        return parallel::heavy_entries(set, queries.rows(), schedule.engine.options(), c.what);
      });
      break;
    case Case::Question::causal:
      out.entries = causal_entries(c, schedule);
      break;
    case Case::Question::scan:
      out.entries = scanned(c, schedule);
      break;
  }
  return out;
}

void check(const Case& c, const Answers& want, const Schedule& schedule) {
  const Answers got = answers(c, schedule);
  const std::string text = support::difference(want.bytes, got.bytes);
  require(text.empty(), "the sketch is the same: " + text);
  require_same(want.set, got.set, "the universal set");
  require_same(want.entries, got.entries, "the list of heavy entries");
}

/// The pushes dealt out over ranks, which then merge.
void check_ranks(const Case& c, const Answers& want, int ranks) {
  const std::vector<support::Buffer> keys = buffers(c, c.schedule);
  support::rethrow(support::run_ranks(ranks, [&](distributed::Communicator& comm) {
    Sketch mine(c.spec);
    for (std::size_t i = static_cast<std::size_t>(comm.rank()); i < c.schedule.pushes.size();
         i += static_cast<std::size_t>(ranks)) {
      const Push& push = c.schedule.pushes[i];
      streaming::absorb(mine,
                        keys[push.stream].rows(0, push.stream).slice(push.piece.begin, push.piece.length));
    }
    distributed::allmerge(comm, mine);
    require(to_bytes(mine) == want.bytes, "the sketch of " + std::to_string(ranks) + " ranks is the same");
  }));
}

}  // namespace

void schedules(Bytes input) {
  Input reader(input);
  const Case c = read_case(reader);
  const Answers want = answers(c, reference_of(c));
  check(c, want, c.schedule);
  if (!c.round_trip) return;
  const Sketch back = heavykeys::from_bytes(want.bytes, {c.spec.score});
  require(to_bytes(back) == want.bytes, "a stored sketch is the sketch");
}

void every_schedule(Bytes input) {
  schedules(input);
  Input reader(input);
  const Case c = read_case(reader);
  const Answers want = answers(c, reference_of(c));
  Schedule schedule = c.schedule;
  for (const std::string& isa : available_isas()) {
    schedule.isa = isa;
    for (const engines::Schedule engine : engines::built()) {
      for (const int threads : {1, 3}) {
        if (engine == engines::Schedule::streaming && threads > 1) continue;
        schedule.engine = {engine, threads};
        check(c, want, schedule);
      }
    }
  }
  for (const int ranks : {1, 2, 3}) check_ranks(c, want, ranks);
}

}  // namespace fuzz
