// The contract of a Communicator, against whatever the transport: threads, or MPI with messages in pieces.
#include <catch2/catch.hpp>
#include <limits>

#include "distributed/world.hpp"
#include "support/random.hpp"

using support::Random;
using world::Communicator;
using Bytes = std::vector<std::byte>;
using Words = std::vector<std::uint64_t>;

namespace {

void everywhere(const world::Body& body) {
  for (const world::World& w : world::all_worlds()) {
    INFO(w.name);
    CHECK(w.run(body) == "");
  }
}

/// The bytes that `from` has for `to`; every rank can draw those of every other.
Bytes drawn(int from, int to, std::size_t size, std::uint64_t seed = 0) {
  Random random(1000003u * static_cast<std::uint64_t>(from + 1) + static_cast<std::uint64_t>(to) + 31 * seed);
  Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.bits());
  return bytes;
}

std::string sizes(const std::vector<Bytes>& all) {
  std::string text;
  for (const Bytes& b : all) text.append(" ").append(std::to_string(b.size()));
  return text;
}

/// The sum of integers as the header states it, from scratch: word by word, modulo 2^(64 limbs).
Words summed(const std::vector<Words>& all, std::size_t limbs) {
  Words sum(all[0].size());
  for (const Words& words : all) {
    bool carry = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i % limbs == 0) carry = false;
      const std::uint64_t a = sum[i] + words[i];
      const bool over = a < words[i];
      sum[i] = a + (carry ? 1 : 0);
      carry = over || (carry && sum[i] == 0);
    }
  }
  return sum;
}

std::string compare(const Words& found, const Words& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (found[i] != expected[i])
      return "word " + std::to_string(i) + " of " + std::to_string(expected.size()) + " is " +
             std::to_string(found[i]) + ", not " + std::to_string(expected[i]);
  }
  return {};
}

std::string check_sum(Communicator& comm, const std::function<Words(int)>& of, std::size_t limbs) {
  std::vector<Words> all;
  for (int r = 0; r < comm.size(); ++r) all.push_back(of(r));
  Words mine = all[static_cast<std::size_t>(comm.rank())];
  comm.all_sum(mine, limbs);
  const std::string wrong = compare(mine, summed(all, limbs));
  return wrong.empty() ? "" : "limbs " + std::to_string(limbs) + ": " + wrong;
}

/// What `size_of(r)` says rank r has, gathered to all and to each root.
std::string check_gather(Communicator& comm, const std::function<std::size_t(int)>& size_of) {
  std::vector<Bytes> expected;
  for (int r = 0; r < comm.size(); ++r) expected.push_back(drawn(r, 0, size_of(r)));
  const Bytes& mine = expected[static_cast<std::size_t>(comm.rank())];
  if (const auto all = comm.gather(mine); all != expected) return "gather to all:" + sizes(all);
  for (int root = 0; root < comm.size(); ++root) {
    const auto all = comm.gather(mine, root);
    if (comm.rank() == root && all != expected) return "gather to this root:" + sizes(all);
    if (comm.rank() != root && !all.empty()) return "gather to another root, not empty:" + sizes(all);
  }
  return {};
}

/// Parcels between the pairs that `size_of` gives a size, in an order of each rank's own.
std::string check_exchange(Communicator& comm,
                           const std::function<std::optional<std::size_t>(int, int)>& size_of,
                           std::uint64_t seed) {
  Random random(seed + 77 * static_cast<std::uint64_t>(comm.rank()));
  std::vector<Communicator::Parcel> outgoing;
  std::vector<Communicator::Arrival> incoming;
  std::vector<Bytes> expected;
  for (const std::size_t other : random.permutation(static_cast<std::size_t>(comm.size()))) {
    const int r = static_cast<int>(other);
    if (r == comm.rank()) continue;
    if (const auto size = size_of(comm.rank(), r))
      outgoing.push_back({r, drawn(comm.rank(), r, *size, seed)});
    if (const auto size = size_of(r, comm.rank())) {
      incoming.push_back({r, *size});
      expected.push_back(drawn(r, comm.rank(), *size, seed));
    }
  }
  random.shuffle(outgoing);
  const auto arrived = comm.exchange(outgoing, incoming);
  if (arrived == expected) return {};
  return "exchange:" + sizes(arrived) + " and not" + sizes(expected);
}

}  // namespace

TEST_CASE("a rank knows itself and how many there are") {
  for (const world::World& w : world::all_worlds()) {
    INFO(w.name);
    CHECK(w.run([&](Communicator& comm) -> std::string {
      if (comm.size() != w.ranks) return "size " + std::to_string(comm.size());
      std::vector<std::int64_t> seen(static_cast<std::size_t>(comm.size()), 0);
      seen.at(static_cast<std::size_t>(comm.rank())) = 1;
      comm.all_max(seen);
      return std::ranges::all_of(seen, [](auto s) { return s == 1; }) ? "" : "some rank is missing";
    }) == "");
  }
}

TEST_CASE("all_max: signed, element by element, any number of them") {
  everywhere([](Communicator& comm) -> std::string {
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto greatest = std::numeric_limits<std::int64_t>::max();
    for (const std::size_t n : {0, 1, 2, 3, 7, 8, 9, 1000}) {
      std::vector<std::int64_t> mine(n), expected(n, least);
      for (int r = 0; r < comm.size(); ++r) {
        Random random(static_cast<std::uint64_t>(r) + 100 * n);
        for (std::size_t i = 0; i < n; ++i) {
          const std::vector<std::int64_t> draws = {least, -1,       0,
                                                   1,     greatest, static_cast<std::int64_t>(random.bits())};
          const std::int64_t value = random.pick(draws);
          if (r == comm.rank()) mine[i] = value;
          expected[i] = std::max(expected[i], value);
        }
      }
      comm.all_max(mine);
      if (mine != expected) return "all_max of " + std::to_string(n);
    }
    return {};
  });
}

TEST_CASE("all_sum: random words, integers of any number of limbs, any number of integers") {
  everywhere([](Communicator& comm) -> std::string {
    std::string wrong;
    for (const std::size_t limbs : {1, 2, 3, 5, 17}) {
      for (const std::size_t count : {0, 1, 2, 3, 64, 301}) {
        const auto words = [&](int r) {
          Random random(static_cast<std::uint64_t>(r) + 10 * limbs + 1000 * count);
          Words w(limbs * count);
          for (std::uint64_t& x : w) x = random.bits();
          return w;
        };
        wrong += check_sum(comm, words, limbs);
      }
    }
    return wrong;
  });
}

TEST_CASE("all_sum: a carry runs through all limbs, and not into the next integer") {
  everywhere([](Communicator& comm) -> std::string {
    std::string wrong;
    for (const std::size_t limbs : {1, 2, 3, 17}) {
      for (int last = 0; last < comm.size(); ++last) {  // the rank that sets the carry off
        const auto words = [&](int r) {
          Words w(5 * limbs, 0);
          for (std::size_t i = 0; i < w.size(); ++i) {
            if (r == last) w[i] = i % limbs == 0 ? 1 : 0;
            if (r == (last + 1) % comm.size() && r != last) w[i] = ~std::uint64_t{0};
          }
          return w;
        };
        wrong += check_sum(comm, words, limbs);
        if (comm.size() < 2) continue;
        Words mine = words(comm.rank());
        comm.all_sum(mine, limbs);
        if (mine != Words(5 * limbs, 0)) wrong += "-1 + 1 is not 0; ";
      }
    }
    return wrong;
  });
}

TEST_CASE("all_sum: negative numbers of all sizes, and sums that cancel") {
  everywhere([](Communicator& comm) -> std::string {
    std::string wrong;
    for (const std::size_t limbs : {1, 2, 3, 17}) {
      const auto words = [&](int r) {
        Random random(static_cast<std::uint64_t>(r / 2) +
                      limbs);  // of two ranks, one has the other's negative
        Words w(40 * limbs);
        for (std::size_t at = 0; at < w.size(); at += limbs) {
          const std::size_t length = random.below(limbs) + 1;
          for (std::size_t i = 0; i < length; ++i) w[at + i] = random.bits() >> random.below(64);
          bool carry = r % 2 == 1;
          if (!carry) continue;
          for (std::size_t i = at; i < at + limbs; ++i) {
            w[i] = ~w[i] + (carry ? 1 : 0);
            carry = carry && w[i] == 0;
          }
        }
        return w;
      };
      wrong += check_sum(comm, words, limbs);
      if (comm.size() % 2 != 0) continue;
      Words mine = words(comm.rank());
      comm.all_sum(mine, limbs);
      if (mine != Words(40 * limbs, 0)) wrong += "x - x is not 0; ";
    }
    return wrong;
  });
}

TEST_CASE("gather: uneven parts, empty parts, nothing at all; to all and to each root") {
  everywhere([](Communicator& comm) -> std::string {
    std::string wrong;
    wrong += check_gather(comm, [](int) { return 0; });
    wrong += check_gather(comm, [](int) { return 1; });
    wrong += check_gather(comm, [](int) { return 8; });
    wrong += check_gather(comm, [](int r) { return r % 2 == 0 ? 0 : 100; });
    wrong += check_gather(comm, [](int r) { return r % 2 == 0 ? 1000 : 0; });
    for (int only = 0; only < comm.size(); ++only)
      wrong += check_gather(comm, [&](int r) { return r == only ? 777 : 0; });
    wrong += check_gather(comm, [](int r) { return static_cast<std::size_t>(1 + 7 * r * r); });
    wrong += check_gather(comm, [](int r) { return static_cast<std::size_t>(5000 >> r); });
    return wrong;
  });
}

TEST_CASE("exchange: no pair, some pairs, all pairs, of no bytes, of few and of many") {
  everywhere([](Communicator& comm) -> std::string {
    using Size = std::optional<std::size_t>;
    const int ranks = comm.size();
    std::string wrong;
    wrong += check_exchange(
        comm, [](int, int) -> Size { return std::nullopt; }, 1);
    wrong += check_exchange(
        comm, [](int, int) -> Size { return 0; }, 2);
    wrong += check_exchange(
        comm, [](int from, int to) -> Size { return 1 + 3 * from + to; }, 3);
    wrong += check_exchange(
        comm, [](int from, int to) -> Size { return from < to ? Size(64) : Size(); }, 4);
    wrong += check_exchange(
        comm, [=](int from, int to) -> Size { return to == (from + 1) % ranks ? Size(9999) : Size(); }, 5);
    wrong += check_exchange(
        comm, [](int from, int) -> Size { return from == 0 ? Size(50) : Size(); }, 6);
    wrong += check_exchange(
        comm, [](int, int to) -> Size { return to == 0 ? Size(50) : Size(); }, 7);
    for (std::uint64_t seed = 10; seed < 30; ++seed) {
      const auto some = [&](int from, int to) -> Size {
        Random random(seed * 1000 + static_cast<std::uint64_t>(100 * from + to));
        return random.coin() ? Size(random.below(random.coin() ? 3 : 300)) : Size();
      };
      wrong += check_exchange(comm, some, seed);
    }
    return wrong;
  });
}

TEST_CASE("exchange: parcels that pass any eager limit, both ways at once") {
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    CHECK(w.run([](Communicator& comm) {
      return check_exchange(
          comm, [](int from, int to) -> std::optional<std::size_t> { return 300000 + 1000 * from + to; }, 8);
    }) == "");
  }
}

TEST_CASE("operations follow one another without a mix-up, at each rank's own pace") {
  everywhere([](Communicator& comm) -> std::string {
    std::string wrong;
    for (std::uint64_t round = 0; round < 40; ++round) {
      Random random(round);
      const std::size_t size = random.below(200);
      switch (random.below(4)) {
        case 0:
          wrong += check_sum(
              comm, [&](int r) { return Words(2 * (size / 2), static_cast<std::uint64_t>(r) << 62); }, 2);
          break;
        case 1:
          wrong += check_gather(comm, [&](int r) { return size / static_cast<std::size_t>(r + 1); });
          break;
        case 2: {
          std::vector<std::int64_t> mine = {comm.rank(), -comm.rank()};
          comm.all_max(mine);
          if (mine != std::vector<std::int64_t>{comm.size() - 1, 0}) wrong += "all_max of ranks; ";
          break;
        }
        default:
          wrong += check_exchange(
              comm,
              [&](int from, int to) {
                return (from + to) % 3 == 0 ? std::optional<std::size_t>()
                                            : size + static_cast<std::size_t>(to);
              },
              round);
      }
    }
    return wrong;
  });
}
