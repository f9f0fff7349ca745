// allmerge at dims, dtypes, block sizes and streams of use; open blocks, and rows that were lost.
#include <catch2/catch.hpp>
#include <cfenv>

#include "distributed/law.hpp"
#include "engines/engine.hpp"

using heavykeys::Dtype;
using heavykeys::Rows;
using heavykeys::Sketch;
using heavykeys::distributed::allmerge;
using law::Hands;
using law::Truth;
using support::Random;
using world::Communicator;

namespace {

std::string merged_as(Communicator& comm, const heavykeys::Spec& spec, const Rows& rows, const Hands& hands,
                      const Truth& truth) {
  Sketch sketch = law::dealt(spec, rows, hands, comm);
  allmerge(comm, sketch);
  return law::difference(sketch, truth);
}

/// Rows [first, first + count) of the matrix as rows of a stream, from an id on.
Rows in_stream(const support::Matrix& k, std::size_t first, std::size_t count, std::uint64_t stream,
               std::uint64_t id) {
  Rows view = heavykeys::rows(k.row(first), count, k.cols, id);
  view.stream = stream;
  return view;
}

}  // namespace

TEST_CASE(
    "allmerge: dims 1, 2, 7, 64, 128, every dtype, grids of 20 and 24 bits, blocks of 16 to 4096 rows") {
  struct Shape {
    std::size_t n, d, block_rows;
    Dtype dtype;
    int grid_bits;
    std::size_t kind;
    double epsilon = 0.05;
    heavykeys::Score score = {};
  };
  const std::vector<Shape> shapes = {{1000, 1, 16, Dtype::f64, 24, 3, 0.01},
                                     {3000, 2, 128, Dtype::f16, 20, 2, 0.0625},
                                     {5000, 7, 256, Dtype::bf16, 20, 1, 0.0005},
                                     {9500, 7, 4096, Dtype::f32, 24, 0},
                                     {3000, 64, 1024, Dtype::f32, 24, 0},
                                     {600, 64, 64, Dtype::f16, 20, 3, 0.5, heavykeys::Score::expressive()},
                                     {1500, 128, 256, Dtype::bf16, 24, 0, 0.1},
                                     {400, 10, 64, Dtype::f64, 20, 2, 0.25, heavykeys::Score::power(4)}};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Shape& s = shapes[i];
    Random random(i);
    auto spec = support::make_spec(s.d, s.epsilon, s.grid_bits, s.block_rows);
    spec.score = s.score;
    const support::Buffer keys(engines::make_keys(s.kind, s.n, s.d, s.epsilon, random), s.dtype);
    const support::Buffer asked(law::make_queries(keys.values(), 20, random), Dtype::f64);
    const Truth truth(support::absorbed(spec, keys.rows()), asked.rows());
    INFO("n " << s.n << " " << to_string(spec));
    CHECK(truth.set.size() > 0);
    for (const world::World& w : world::worlds()) {
      if (world::separate_processes() && (i + static_cast<std::size_t>(w.ranks)) % 3 != 0) continue;
      const law::Deal& deal = law::deals()[(i + static_cast<std::size_t>(w.ranks)) % law::deals().size()];
      INFO(w.name << ", dealt " << deal.name);
      const Hands hands = deal.make(s.n, static_cast<std::size_t>(w.ranks), s.block_rows, random);
      CHECK(w.run([&](Communicator& comm) { return merged_as(comm, spec, keys.rows(), hands, truth); }) ==
            "");
    }
  }
}

TEST_CASE("allmerge: rows of every dtype on ranks that read them as another") {
  Random random(9);
  const std::size_t n = 333, d = 5;
  const support::Buffer narrow(support::gaussian({n, d}, random), Dtype::f16);
  const std::vector<support::Buffer> same = {
      narrow, support::Buffer(narrow.values(), Dtype::f64),
      support::Buffer(narrow.values(), Dtype::f32, {.column_stride = 2, .rows_backwards = true})};
  const auto spec = support::make_spec(d, 0.1);
  const Truth truth(support::absorbed(spec, narrow.rows()), narrow.rows().slice(0, 9));
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    for (const law::Deal& deal : law::deals()) {
      const Hands hands = deal.make(n, static_cast<std::size_t>(w.ranks), 16, random);
      CHECK(w.run([&](Communicator& comm) {
        return merged_as(comm, spec, same[static_cast<std::size_t>(comm.rank()) % 3].rows(), hands, truth);
      }) == "");
    }
  }
}

TEST_CASE("allmerge: open blocks of doubles that are floats beside doubles that are not") {
  // Waiting rows are kept, and sent, in the narrowest type that holds them.
  const std::size_t n = 40, d = 2;
  support::Matrix k(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    k(r, 0) = r % 3 == 0 ? 0.1 : 0.5;
    k(r, 1) = r % 5 == 0 ? -0.0 : r % 7 == 0 ? 1e-310 : 1e300;
  }
  const auto spec = support::make_spec(d, 0.1, 24, 64);
  const Rows rows = heavykeys::rows(k.values.data(), n, d);
  const Truth truth(support::absorbed(spec, rows), rows.slice(0, 4));
  Random random(1);
  for (const world::World& w : world::worlds()) {
    for (const law::Deal& deal : law::deals()) {
      INFO(w.name << ", dealt " << deal.name);
      const Hands hands = deal.make(n, static_cast<std::size_t>(w.ranks), 64, random);
      CHECK(w.run([&](Communicator& comm) { return merged_as(comm, spec, rows, hands, truth); }) == "");
    }
  }
}

TEST_CASE("allmerge: several streams, each dealt in its own way; a stream for each rank") {
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(15, w)) {
      Random random(seed);
      const std::size_t d = 4, n = 200;
      const support::Matrix k =
          support::families()[seed % support::families().size()].make({n, d, 0.1, 24, 16}, random);
      const auto spec = support::make_spec(d, 0.1);
      const auto ranks = static_cast<std::size_t>(w.ranks);
      const std::vector<std::uint64_t> ids = {0, 1, 7, std::uint64_t{1} << 40, ~std::uint64_t{0}};
      const std::size_t streams = seed % 2 ? ranks : 1 + random.below(5);
      Sketch whole(spec);
      std::vector<std::pair<std::size_t, Rows>> shares;  // who has what
      for (std::size_t s = 0; s < streams; ++s) {
        const std::size_t first = k.rows * s / streams, count = k.rows * (s + 1) / streams - first;
        const std::uint64_t stream = seed % 2 ? s : ids[s];
        const Rows all = in_stream(k, first, count, stream, 0);
        heavykeys::streaming::absorb(whole, all);
        const Hands hands = law::deals()[random.below(law::deals().size())].make(count, ranks, 16, random);
        for (std::size_t r = 0; r < ranks; ++r) {
          for (const auto& p : hands[r]) shares.emplace_back(seed % 2 ? s : r, all.slice(p.begin, p.length));
        }
      }
      random.shuffle(shares);
      const Truth truth(whole, heavykeys::rows(k.values.data(), std::min<std::size_t>(k.rows, 5), d));
      INFO(w.name << ", " << streams << " streams, seed " << seed);
      CHECK(w.run([&](Communicator& comm) {
        Sketch sketch(spec);
        for (const auto& [rank, rows] : shares) {
          if (rank == static_cast<std::size_t>(comm.rank())) heavykeys::streaming::absorb(sketch, rows);
        }
        allmerge(comm, sketch);
        return law::difference(sketch, truth);
      }) == "");
    }
  }
}

TEST_CASE("allmerge: rows that never arrived stay missing, and finalize names them as on one core") {
  std::size_t refusals = 0;
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(30, w)) {
      const support::Problem p = support::draw(74000 + seed);
      Random random(seed);
      Hands hands = law::deals()[seed % law::deals().size()].make(p.n(), static_cast<std::size_t>(w.ranks),
                                                                  p.spec.block_rows, random);
      Sketch whole(p.spec);
      for (auto& hand : hands) {  // each piece may lose its first row, or all
        std::erase_if(hand, [&](const auto&) { return random.below(6) == 0; });
        for (auto& piece : hand) {
          const std::size_t lost = random.below(4) == 0 ? 1 : 0;
          piece = {piece.begin + lost, piece.length - lost};
          heavykeys::streaming::absorb(whole, p.keys.rows().slice(piece.begin, piece.length));
        }
      }
      const Truth truth(whole, p.keys.rows().slice(0, 1));
      refusals += truth.refusal.find("rows were lost") != std::string::npos;
      INFO(w.name << ", " << p.name << ": " << truth.refusal);
      CHECK(w.run([&](Communicator& comm) { return merged_as(comm, p.spec, p.keys.rows(), hands, truth); }) ==
            "");
    }
  }
  CHECK(refusals > 0);
}

TEST_CASE("allmerge: ids near 2^62, blocks far apart") {
  Random random(4);
  const std::size_t d = 3, n = 100;
  const support::Matrix k = support::gaussian({n, d}, random);
  const auto spec = support::make_spec(d, 0.1);
  const std::uint64_t end = std::uint64_t{1} << 62;
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    Sketch whole(spec);
    const Rows low = in_stream(k, 0, 37, 0, 0), high = in_stream(k, 37, 63, 0, end - 63);
    heavykeys::streaming::absorb(whole, low);
    heavykeys::streaming::absorb(whole, high);
    const Truth truth(whole, low);
    CHECK(truth.refusal.find("rows were lost") != std::string::npos);
    const Hands a = law::deals()[6].make(37, static_cast<std::size_t>(w.ranks), 16, random);
    const Hands b = law::deals()[8].make(63, static_cast<std::size_t>(w.ranks), 16, random);
    CHECK(w.run([&](Communicator& comm) {
      Sketch sketch = law::dealt(spec, low, a, comm);
      for (const auto& p : b[static_cast<std::size_t>(comm.rank())])
        heavykeys::streaming::absorb(sketch, high.slice(p.begin, p.length));
      allmerge(comm, sketch);
      return law::difference(sketch, truth);
    }) == "");
  }
}

TEST_CASE("allmerge: ranks may round as they like") {
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(10, w)) {
      const support::Problem p = support::draw(75000 + 3 * seed);
      Random random(seed);
      const Truth truth(support::absorbed(p.spec, p.keys.rows()), p.keys.rows().slice(0, 3));
      const Hands hands =
          law::deals()[8].make(p.n(), static_cast<std::size_t>(w.ranks), p.spec.block_rows, random);
      INFO(w.name << ", " << p.name);
      CHECK(w.run([&](Communicator& comm) {
        const int modes[] = {FE_UPWARD, FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD};
        std::fesetround(modes[comm.rank() % 4]);
        std::string wrong;
        try {
          wrong = merged_as(comm, p.spec, p.keys.rows(), hands, truth);
        } catch (...) {
          std::fesetround(FE_TONEAREST);
          throw;
        }
        std::fesetround(FE_TONEAREST);
        return wrong;
      }) == "");
    }
  }
}
