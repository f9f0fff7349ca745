// heavykeys_tests_stress: numerical stress by demand, each decision compared with exact rational arithmetic.
//
//   --problems N   so many in all, the demands in turn (17,000)
//   --seed S       the first of their seeds (0)
//   --nudge        the library is asked with the next double above epsilon, which has to be noticed
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "stress/demands.hpp"

namespace stress {

support::Problem problem(const std::string& name, const support::Matrix& keys, const heavykeys::Spec& spec,
                         heavykeys::Dtype dtype) {
  return {name, spec, support::Buffer(keys, dtype)};
}

heavykeys::Spec any_spec(std::size_t dim, support::Random& random) {
  static const std::vector<double> epsilons = {1, 0.5, 0.25, 0.2, 0.125, 0.1, 0.05, 0.01};
  static const std::vector<int> bits = {24, 24, 20, 12};
  const double epsilon = random.pick(epsilons);
  const int grid_bits = random.pick(bits);
  return support::make_spec(dim, epsilon, grid_bits, random.coin() ? 16 : 64);
}

namespace {

struct Tally {
  std::size_t problems = 0, members = 0, left_out = 0, queries = 0, entries = 0, ties = 0, wrong = 0;
  double least = HUGE_VAL, most = 0;
};

class Comparison {
 public:
  Comparison(const support::Problem& p, const heavykeys::Spec& asked, support::Random& random, Tally& tally)
      : p_(p), asked_(asked), exact_(p), random_(random), tally_(tally) {}

  const agreement::Exact& exact() const { return exact_; }

  /// "" or what disagrees.
  std::string run() {
    const auto pieces = support::cut(p_.n(), 1 + random_.below(4), random_);
    const heavykeys::UniversalSet set = finalize(support::absorbed(asked_, p_.keys.rows(), pieces));
    std::string wrong = agreement::universal(p_, exact_, set);
    tally_.members += set.size();
    tally_.left_out += p_.n() - set.size();
    const support::Buffer queries(agreement::queries(p_, exact_, random_), heavykeys::Dtype::f64);
    wrong += compare(heavy_entries(set, queries.rows()), queries.values(), false);
    heavykeys::CausalHeavy causal(asked_, queries.rows(), p_.n());
    for (const auto& piece : pieces) causal.absorb(p_.keys.rows().slice(piece.begin, piece.length));
    return wrong + compare(causal.finish(), queries.values(), true);
  }

 private:
  std::string compare(const heavykeys::HeavyEntries& found, const support::Matrix& queries, bool causal) {
    std::string wrong = agreement::shape(found, queries.rows);
    if (!wrong.empty()) return wrong;
    for (std::size_t i = 0; i < queries.rows; ++i) {
      const std::size_t behind = causal ? queries.rows - 1 - i : 0;  // aligned at the end
      const auto expected =
          exact_.problem.heavy(queries.row(i), p_.spec.epsilon, behind < p_.n() ? p_.n() - behind : 0);
      wrong += agreement::entries(found, i, expected);
      for (const auto& weight : expected.weights)
        tally_.ties += oracle::compare(weight, p_.spec.epsilon) == 0;
      tally_.entries += expected.keys.size();
    }
    tally_.queries += queries.rows;
    return wrong;
  }

  const support::Problem& p_;
  const heavykeys::Spec& asked_;
  agreement::Exact exact_;
  support::Random& random_;
  Tally& tally_;
};

void examine(const Demand& demand, std::uint64_t seed, bool nudge, Tally& tally) {
  support::Random random(0x9e3779b97f4a7c15u * (seed + 1));
  const support::Problem p = demand.draw(random);
  heavykeys::Spec asked = p.spec;
  if (nudge) asked.epsilon = std::min(1.0, std::nextafter(asked.epsilon, 2.0));
  Comparison comparison(p, asked, random, tally);
  std::string wrong = comparison.run();
  const double measured = demand.measured(p, comparison.exact());
  tally.least = std::min(tally.least, measured);
  tally.most = std::max(tally.most, measured);
  ++tally.problems;
  if (!(measured >= demand.least))
    wrong.append("measured ").append(std::to_string(measured)).append(": not what is demanded");
  if (wrong.empty()) return;
  if (++tally.wrong <= 3 && !nudge) {
    std::fprintf(stderr, "%s, seed %llu, n=%zu, %s:\n%s\n", demand.name.c_str(),
                 static_cast<unsigned long long>(seed), p.n(), to_string(p.spec).c_str(), wrong.c_str());
  }
}

int run(std::uint64_t problems, std::uint64_t seed, bool nudge) {
  std::vector<Demand> demands = conditions();
  for (const auto& more : {extremes(), exact_ties()}) demands.insert(demands.end(), more.begin(), more.end());
  std::vector<Tally> tallies(demands.size());
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < problems; ++i) {
    examine(demands[i % demands.size()], seed + i, nudge, tallies[i % demands.size()]);
  }
  Tally all;
  for (std::size_t k = 0; k < demands.size(); ++k) {
    const Tally& t = tallies[k];
    std::printf(
        "%-18s %7zu problems, %8zu members, %8zu left out, %9zu entries, %8zu exact ties, %zu wrong; %s %.3g "
        "to %.3g\n",
        demands[k].name.c_str(), t.problems, t.members, t.left_out, t.entries, t.ties, t.wrong,
        demands[k].of.c_str(), t.least, t.most);
    all.problems += t.problems;
    all.entries += t.entries;
    all.queries += t.queries;
    all.wrong += t.wrong;
    all.ties += t.ties;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf(
      "%zu problems, %zu queries (half of them causal), %zu entries, %zu of weight epsilon exactly, %zu "
      "wrong, %.0f s\n",
      all.problems, all.queries, all.entries, all.ties, all.wrong, took.count());
  if (nudge) return all.wrong > 0 ? 0 : 1;
  const bool enough = all.problems < demands.size() || (all.entries > 0 && all.ties > 0);
  return all.wrong == 0 && enough ? 0 : 1;
}

}  // namespace
}  // namespace stress

int main(int argc, char** argv) {
  std::uint64_t problems = 17000, seed = 0;
  bool nudge = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--nudge") {
      nudge = true;
    } else if (i + 1 < argc && (option == "--problems" || option == "--seed")) {
      (option == "--seed" ? seed : problems) = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: heavykeys_tests_stress [--problems N] [--seed S] [--nudge]\n");
      return 2;
    }
  }
  return stress::run(problems, seed, nudge);
}
