#include "distributed/law.hpp"

#include <algorithm>

namespace law {

namespace {

Hands hands_for(const std::vector<std::size_t>& marks) {
  Hands hands;
  for (std::size_t r = 0; r + 1 < marks.size(); ++r) {
    hands.emplace_back();
    if (marks[r] < marks[r + 1]) hands.back().push_back({marks[r], marks[r + 1] - marks[r]});
  }
  return hands;
}

Hands even(std::size_t n, std::size_t ranks, std::size_t, Random&) {
  std::vector<std::size_t> marks;
  for (std::size_t r = 0; r <= ranks; ++r) marks.push_back(n * r / ranks);
  return hands_for(marks);
}

Hands uneven(std::size_t n, std::size_t ranks, std::size_t, Random& random) {
  std::vector<std::size_t> marks = {0, n};
  for (std::size_t r = 1; r < ranks; ++r) marks.push_back(random.below(n + 1));
  std::sort(marks.begin(), marks.end());
  return hands_for(marks);
}

Hands whole_blocks(std::size_t n, std::size_t ranks, std::size_t block_rows, Random& random) {
  Hands hands(ranks);
  for (const Piece& p : support::every(n, block_rows)) hands[random.below(ranks)].push_back(p);
  return hands;
}

Hands one_has_all(std::size_t n, std::size_t ranks, std::size_t, Random& random) {
  Hands hands(ranks);
  hands[random.below(ranks)].push_back({0, n});
  return hands;
}

Hands some_have_none(std::size_t n, std::size_t ranks, std::size_t block_rows, Random& random) {
  const std::size_t some = 1 + random.below(ranks);
  Hands hands = uneven(n, some, block_rows, random);
  hands.resize(ranks);
  random.shuffle(hands);
  return hands;
}

Hands backwards(std::size_t n, std::size_t ranks, std::size_t block_rows, Random& random) {
  Hands hands = even(n, ranks, block_rows, random);
  std::reverse(hands.begin(), hands.end());
  return hands;
}

Hands one_by_one(std::size_t n, std::size_t ranks, std::size_t, Random&) {
  Hands hands(ranks);
  for (std::size_t r = 0; r < n; ++r) hands[r % ranks].push_back({r, 1});
  return hands;
}

Hands pieces(std::size_t n, std::size_t ranks, std::size_t, Random& random) {
  Hands hands(ranks);
  auto all = support::cut(n, 3 * ranks + random.below(20), random);
  random.shuffle(all);
  for (const Piece& p : all) hands[random.below(ranks)].push_back(p);
  return hands;
}

/// No rank has a whole block while there are more than one: they are only complete together.
Hands fragments(std::size_t n, std::size_t ranks, std::size_t block_rows, Random& random) {
  Hands hands(ranks);
  for (const Piece& block : support::every(n, block_rows)) {
    const std::size_t first = random.below(ranks);  // every rank is the one with most of some block
    std::size_t at = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      const std::size_t end = block.length * (r + 1) / ranks;
      if (end > at) hands[(first + r) % ranks].push_back({block.begin + at, end - at});
      at = end;
    }
  }
  for (auto& hand : hands) random.shuffle(hand);
  return hands;
}

/// With the sample's intervals, where there is a sample.
heavykeys::HeavyOptions narrow(const heavykeys::UniversalSet& set) {
  return {heavykeys::Mode::no_false_positives, set.spec().sample_rows > 0 ? 0.1 : 0.0};
}

template <class T>
std::string of(const char* what, const T& a, const T& b) {
  return std::string(what) + " " + std::to_string(a) + " and " + std::to_string(b);
}

}  // namespace

const std::vector<Deal>& deals() {
  static const std::vector<Deal> all = {{"even", even},
                                        {"uneven", uneven},
                                        {"whole blocks", whole_blocks},
                                        {"one has all", one_has_all},
                                        {"some have none", some_have_none},
                                        {"backwards", backwards},
                                        {"one by one", one_by_one},
                                        {"pieces", pieces},
                                        {"fragments", fragments}};
  return all;
}

Sketch dealt(const heavykeys::Spec& spec, const Rows& rows, const Hands& hands, const Communicator& comm) {
  return support::absorbed(spec, rows, hands.at(static_cast<std::size_t>(comm.rank())));
}

Truth::Truth(const Sketch& whole, const Rows& q) : queries(q), bytes(to_bytes(whole)) {
  try {
    set = finalize(whole);
  } catch (const heavykeys::InvalidInput& e) {
    refusal = e.what();
    return;
  }
  entries = heavy_entries(set, queries);
  narrowed = heavy_entries(set, queries, narrow(set));
}

std::string difference(const heavykeys::UniversalSet& a, const heavykeys::UniversalSet& b) {
  if (!std::ranges::equal(a.ids(), b.ids())) return of("ids of U differ, sizes", a.size(), b.size());
  if (!support::same_bits(a.leverage(), b.leverage())) return "leverages differ";
  if (!std::ranges::equal(a.layer(), b.layer())) return "layers differ";
  if (!support::same_bits(a.keys(), b.keys())) return "keys of U differ";
  if (a.rank() != b.rank()) return of("ranks of K", a.rank(), b.rank());
  if (a.row_count() != b.row_count()) return of("row counts", a.row_count(), b.row_count());
  if (a.size_bound() != b.size_bound()) return of("size bounds", a.size_bound(), b.size_bound());
  return a.spec() == b.spec() ? "" : "specs differ";
}

std::string difference(const heavykeys::HeavyEntries& a, const heavykeys::HeavyEntries& b) {
  if (a.indptr != b.indptr || a.keys != b.keys)
    return of("entries differ, counts", a.keys.size(), b.keys.size());
  if (!support::same_bits(a.weights, b.weights)) return "weights differ";
  if (!support::same_bits(a.lower, b.lower) || !support::same_bits(a.upper, b.upper)) return "bounds differ";
  return {};
}

std::string difference(const Sketch& found, const Truth& truth) {
  if (const auto wrong = support::difference(to_bytes(found), truth.bytes); !wrong.empty()) return wrong;
  heavykeys::UniversalSet set;
  std::string refusal;
  try {
    set = finalize(found);
  } catch (const heavykeys::InvalidInput& e) {
    refusal = e.what();
  }
  if (refusal != truth.refusal) return "finalize says '" + refusal + "', not '" + truth.refusal + "'";
  if (!refusal.empty()) return {};
  std::string wrong = difference(set, truth.set);
  if (wrong.empty()) wrong = difference(heavy_entries(set, truth.queries), truth.entries);
  if (wrong.empty()) {
    wrong = difference(heavy_entries(set, truth.queries, narrow(set)), truth.narrowed);
    if (!wrong.empty()) wrong = "with the sample: " + wrong;
  }
  return wrong;
}

support::Matrix make_queries(const support::Matrix& keys, std::size_t m, Random& random) {
  support::Matrix q = support::gaussian({m, keys.cols}, random);
  for (std::size_t i = 0; i < m && keys.rows > 0; i += 2)
    std::copy_n(keys.row(random.below(keys.rows)), keys.cols, q.row(i));
  return q;
}

std::vector<std::uint64_t> seeds(std::size_t count, const world::World& w) {
  std::vector<std::uint64_t> chosen;
  const std::uint64_t which = w.ranks <= 3 ? w.ranks - 1 : w.ranks == 5 ? 3 : 4;
  for (std::uint64_t s = 0; s < count; ++s) {
    if (!world::separate_processes() || s % 5 == which) chosen.push_back(s);
  }
  return chosen;
}

std::string thrown(const std::function<void()>& step) {
  try {
    step();
    return {};
  } catch (const heavykeys::InvalidInput& e) {
    return std::string("InvalidInput ") + e.what();
  } catch (const heavykeys::Incompatible& e) {
    return std::string("Incompatible ") + e.what();
  } catch (const heavykeys::Corrupt& e) {
    return std::string("Corrupt ") + e.what();
  } catch (const heavykeys::BackendError& e) {
    return std::string("BackendError ") + e.what();
  } catch (const heavykeys::Error& e) {
    return std::string("Error ") + e.what();
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  } catch (const std::exception& e) {
    return std::string("another: ") + e.what();
  } catch (...) {
    return "no exception class";
  }
}

}  // namespace law
