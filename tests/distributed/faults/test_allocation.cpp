// Every allocation that a rank makes outside the communicator, in every collective verb, is made to fail
// once, on each rank. All ranks throw std::bad_alloc, nothing has changed anywhere, and the same call then
// succeeds.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "distributed/law.hpp"
#include "support/in_process.hpp"

namespace {

thread_local long t_left = -1;  // allocations of this thread until one fails; negative: none does

void* allocate(std::size_t size, std::size_t alignment) {
  if (t_left >= 0 && t_left-- == 0) throw std::bad_alloc();
  size = size == 0 ? alignment : (size + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, size)) return p;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t a) {
  return allocate(size, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

using heavykeys::HeavyEntries;
using heavykeys::Sketch;
using support::Operation;
using support::Random;
using world::Communicator;

/// Inside an operation nothing fails, and what it allocates is not counted. Knows where the rank was last.
class Guarded final : public Communicator {
 public:
  explicit Guarded(Communicator& inner) : inner_(inner) {}

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  void all_max(std::span<std::int64_t> values) override {
    const Pause pause(*this, "all_max");
    inner_.all_max(values);
  }
  void all_sum(std::span<std::uint64_t> words, std::size_t limbs) override {
    const Pause pause(*this, "all_sum");
    inner_.all_sum(words, limbs);
  }
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine,
                                             std::optional<int> root) override {
    const Pause pause(*this, "gather");
    return inner_.gather(mine, root);
  }
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel> outgoing,
                                               std::span<const Arrival> incoming) override {
    const Pause pause(*this, "exchange");
    return inner_.exchange(outgoing, incoming);
  }

  /// Fails allocation `number` of `step`, if not negative. The kind and text of what it throws.
  std::string run(long number, const std::function<void()>& step) {
    std::string text;
    t_left = number;
    try {
      step();
    } catch (const std::bad_alloc&) {
      text = "bad_alloc";
    } catch (const std::exception& e) {
      t_left = -1;
      text = e.what();
    }
    failed_ = number >= 0 && t_left < 0;
    t_left = -1;
    return text;
  }
  bool failed() const { return failed_; }
  std::string place() const { return "after operation " + std::to_string(operations_) + ", " + last_; }

 private:
  struct Pause {
    Pause(Guarded& g, const char* name) : left(t_left) {
      t_left = -1;
      ++g.operations_;
      g.last_ = name;
    }
    ~Pause() { t_left = left; }
    long left;
  };

  Communicator& inner_;
  int operations_ = 0;
  const char* last_ = "none";
  bool failed_ = false;
};

/// What a verb does to a rank's value, and the value as bytes.
struct Subject {
  Sketch sketch;
  HeavyEntries entries = {};
  std::optional<Sketch> before = {};
};

struct Verb {
  std::string name;
  std::function<void(Communicator&, Subject&)> run;
};

const std::vector<Verb>& verbs() {
  using namespace heavykeys::distributed;
  static const std::vector<Verb> all = {
      {"allmerge", [](Communicator& c, Subject& s) { allmerge(c, s.sketch); }},
      {"merge", [](Communicator& c, Subject& s) { merge(c, s.sketch, 1); }},
      {"prefix", [](Communicator& c, Subject& s) { s.before = prefix(c, s.sketch); }},
      {"concatenate", [](Communicator& c, Subject& s) { s.entries = concatenate(c, s.entries); }},
      {"collectively, an error", [](Communicator& c, Subject&) {
         // That rank may end with std::bad_alloc alone, but not sooner than the others: they are in step.
         try {
           collectively(c, [&] {
             if (c.rank() == 1) throw heavykeys::InvalidInput("a text too long to be kept without memory");
           });
         } catch (const heavykeys::InvalidInput&) {
         } catch (const std::bad_alloc&) {
         }
         std::int64_t step = 1;
         c.all_max({&step, 1});
       }}};
  return all;
}

std::vector<std::vector<std::byte>> bytes_of(const Subject& s) {
  std::vector<std::vector<std::byte>> all = {to_bytes(s.sketch)};
  if (s.before) all.push_back(to_bytes(*s.before));
  const auto keys = std::as_bytes(std::span(s.entries.keys));
  all.emplace_back(keys.begin(), keys.end());
  return all;
}

/// One run with one failing allocation. "done" when the rank does not make so many.
struct Outcome {
  std::vector<std::string> wrong;
  bool failed = false;
  std::string place;
};

Outcome attempt(int ranks, int rank, long number, const Verb& verb, const std::vector<Subject>& subjects,
                const std::vector<Subject>& expected) {
  Outcome outcome;
  outcome.wrong.resize(static_cast<std::size_t>(ranks));
  const auto ends = support::run_ranks(ranks, [&](Communicator& inner) {
    Guarded comm(inner);
    const auto me = static_cast<std::size_t>(inner.rank());
    std::string& wrong = outcome.wrong[me];
    Subject mine = subjects[me];
    const auto before = bytes_of(mine);
    std::string text = comm.run(inner.rank() == rank ? number : -1, [&] { verb.run(comm, mine); });
    if (inner.rank() == rank) {
      outcome.failed = comm.failed();
      outcome.place = comm.place();
    }
    if (text == "bad_alloc") {
      if (bytes_of(mine) != before) wrong += "changed; ";
      text = comm.run(-1, [&] { verb.run(comm, mine); });
    }
    if (!text.empty()) {
      wrong += "threw '" + text + "'";
    } else if (bytes_of(mine) != bytes_of(expected[me])) {
      wrong += "another result";
    }
  });
  for (std::size_t r = 0; r < ends.size(); ++r) {
    if (ends[r].error) outcome.wrong[r] += " and threw again";
  }
  return outcome;
}

/// `stride`: one allocation in so many.
void fail_everywhere(const Verb& verb, const std::vector<Subject>& subjects, long stride = 1) {
  const int ranks = static_cast<int>(subjects.size());
  std::vector<Subject> expected = subjects;
  support::rethrow(support::run_ranks(
      ranks, [&](Communicator& comm) { verb.run(comm, expected[static_cast<std::size_t>(comm.rank())]); }));
  for (int rank = 0; rank < ranks; ++rank) {
    long failures = 0, bad = 0;
    std::string first;  // of each place only one, or the list is as long as the verb
    std::string last_place;
    for (;; ++failures) {
      const Outcome outcome = attempt(ranks, rank, failures * stride, verb, subjects, expected);
      if (!outcome.failed) break;
      const std::string wrong = world::listed(outcome.wrong);
      if (wrong.empty()) continue;
      ++bad;
      if (outcome.place != last_place) {
        first += "allocation " + std::to_string(failures * stride) + " of rank " + std::to_string(rank) +
                 ", " + outcome.place + ":\n" + wrong;
      }
      last_place = outcome.place;
    }
    INFO(verb.name << ": " << bad << " of " << failures << " allocations of rank " << rank);
    CHECK(first == "");
    CHECK(failures > 0);
  }
}

std::vector<Subject> subjects(const heavykeys::Spec& spec, std::size_t deal, std::size_t n) {
  constexpr std::size_t ranks = 3;
  Random random(deal);
  static std::vector<support::Matrix> keep;
  keep.push_back(support::gaussian({n, spec.dim}, random));
  for (std::size_t c = 0; c < spec.dim; ++c) keep.back()(n / 2, c) *= 20;
  const auto rows = heavykeys::rows(keep.back().values.data(), n, spec.dim);
  const law::Hands hands = law::deals()[deal].make(n, ranks, spec.block_rows, random);
  std::vector<Subject> all;
  for (std::size_t r = 0; r < ranks; ++r) {
    all.push_back({support::absorbed(spec, rows, hands[r])});
    all.back().entries = heavy_entries(finalize(support::absorbed(spec, rows)), rows.slice(r, 2 + r));
  }
  return all;
}

}  // namespace

TEST_CASE("x^2, blocks that are only complete together, and one that stays open") {
  for (const Verb& verb : verbs()) {
    for (const std::size_t deal : {0, 8})
      fail_everywhere(verb, subjects(support::make_spec(3, 0.1), deal, 70));
  }
}

TEST_CASE("an onion with a sample") {
  heavykeys::Spec spec = support::make_spec(2, 0.25);
  spec.score = heavykeys::Score::expressive();
  spec.sample_rows = 9;
  for (const Verb& verb : verbs()) fail_everywhere(verb, subjects(spec, 1, 60));
}

TEST_CASE("weights given on arrival") {
  heavykeys::Spec spec = support::make_spec(24, 0.5);
  spec.score = heavykeys::Score::power(6);
  fail_everywhere(verbs()[0], subjects(spec, 1, 60), 7);
}

TEST_CASE("scans: wherever memory runs out all ranks hear of it, and none is left waiting") {
  constexpr int ranks = 3;
  Random random(4);
  const support::Matrix k = support::gaussian({700, 3}, random), q = support::gaussian({5, 3}, random);
  const auto keys = heavykeys::rows(k.values.data(), 700, 3),
             queries = heavykeys::rows(q.values.data(), 5, 3);
  const auto score = heavykeys::Score::softmax(2.0);
  const HeavyEntries truth = heavykeys::scan(score, 0.01, queries, keys);
  REQUIRE(!truth.keys.empty());
  for (int rank = 0; rank < ranks; ++rank) {
    long failures = 0;
    for (bool failed = true; failed; ++failures) {
      failed = false;
      std::vector<std::string> texts(ranks), wrong(ranks);
      const auto ends = support::run_ranks(ranks, [&](Communicator& inner) {
        Guarded comm(inner);
        const auto me = static_cast<std::size_t>(inner.rank());
        heavykeys::Scan mine(score, 0.01, queries);
        mine.absorb(heavykeys::distributed::share(inner, keys));
        texts[me] = comm.run(inner.rank() == rank ? failures : -1,
                             [&] { heavykeys::distributed::allmerge(comm, mine); });
        if (inner.rank() == rank) failed = comm.failed();
        std::int64_t step = 1;
        inner.all_max({&step, 1});  // still in step
        if (texts[me].empty() && mine.finish() != truth) wrong[me] = "another result";
        if (!texts[me].empty() && texts[me] != "bad_alloc") wrong[me] = texts[me];
      });
      INFO("allocation " << failures << " of rank " << rank);
      for (const auto& end : ends) CHECK(!end.error);
      CHECK(world::listed(wrong) == "");
      for (const std::string& text : texts) CHECK(text == (failed ? "bad_alloc" : ""));
    }
    CHECK(failures > 10);
  }
}
