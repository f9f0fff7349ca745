// allmerge of covariances: on every rank the bytes of one machine, however samples were dealt out.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "eigen/samples.hpp"
#include "heavykeys/streaming.hpp"

using heavykeys::Covariance;
using heavykeys::CovarianceSpec;
using support::Random;
using world::Communicator;

TEST_CASE("merged covariances are the covariance of all samples, on every rank") {
  for (const auto& w : world::all_worlds()) {
    for (const std::uint64_t seed : law::seeds(10, w)) {
      Random random(seed);
      const std::size_t n = random.below(60), p = 1 + random.below(40);
      const CovarianceSpec spec{
          .dim = p, .sketch_columns = seed % 2 == 0 ? 0 : random.below(p), .seed = seed};
      const samples::Matrix m = seed % 3 == 0 ? samples::wild(n, p, random) : samples::decaying(n, p, random);
      Covariance whole(spec);
      heavykeys::streaming::absorb(whole, samples::rows_of(m));
      const auto truth = to_bytes(whole);
      const law::Deal& deal = law::deals()[seed % law::deals().size()];
      const law::Hands hands = deal.make(n, static_cast<std::size_t>(w.ranks), 16, random);
      INFO(w.name << ", dealt " << deal.name << ", " << n << " samples of " << p);
      CHECK(w.run([&](Communicator& comm) -> std::string {
        Covariance mine(spec);
        for (const auto& piece : hands[static_cast<std::size_t>(comm.rank())]) {
          heavykeys::streaming::absorb(mine, samples::rows_of(m).slice(piece.begin, piece.length));
        }
        heavykeys::distributed::allmerge(comm, mine);
        if (to_bytes(mine) != truth) return "the bytes differ";
        return mine.sample_count() == n ? "" : "the count differs";
      }) == "");
    }
  }
}

TEST_CASE("covariances of other specs are refused on all ranks, and stay as they were") {
  for (const auto& w : world::worlds()) {
    if (w.ranks == 1) continue;
    CHECK(w.run([&](Communicator& comm) -> std::string {
      const bool odd = comm.rank() == w.ranks - 1;
      Covariance mine({.dim = 2, .sketch_columns = odd ? std::size_t{1} : 0});
      const double x[] = {1, 2};
      heavykeys::streaming::absorb(mine, heavykeys::rows(x, 1, 2));
      const auto before = to_bytes(mine);
      const std::string said = law::thrown([&] { heavykeys::distributed::allmerge(comm, mine); });
      if (said.find("covariances") == std::string::npos ||
          said.find("sketch_columns 1") == std::string::npos) {
        return "said: " + said;
      }
      return to_bytes(mine) == before ? "" : "it has changed";
    }) == "");
  }
}
