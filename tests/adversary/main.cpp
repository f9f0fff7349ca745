// heavykeys_adversary: looks for a query that gives a key outside U a weight >= epsilon, for every score, and
// for an entry whose weight is outside its interval. One JSON line for each case, then a summary.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "heavykeys/heavykeys.hpp"
#include "tests/adversary/law_set.hpp"
#include "tests/adversary/search.hpp"
#include "tests/adversary/verdict.hpp"
#include "tests/adversary/workload.hpp"
#include "tests/laws/agreement.hpp"

namespace {

using namespace adversary;

struct Options {
  double pairs = 2e9;
  std::uint64_t seed = 1;
  std::string score, set = "library";
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  double blunt = 1;
  std::size_t every = 1;
  bool expect_missed = false, quiet = false;
};

struct Case {
  Shape shape;
  Workload workload;
};

struct Outcome {
  nlohmann::ordered_json line;
  std::uint64_t pairs = 0, queries = 0;
  std::size_t missed = 0, entries = 0, violations = 0;
  double best = 0;
};

std::vector<Case> cases(const Options& options) {
  std::vector<Case> all;
  const bool library = options.set == "library";
  for (const Shape& shape : shapes()) {
    if (!options.score.empty() && shape.name() != options.score) continue;
    const int degree = shape.law.degrees.back();
    const bool power = shape.law.score.kind == heavykeys::Score::Kind::power;
    const std::size_t max_dim = degree == 1 ? 32 : degree == 2 ? 16 : 8;  // at most 152 lifted coordinates
    for (const Workload& w : workloads(options.seed, max_dim)) all.push_back({shape, w});
    if (library && power && degree >= 2) {
      for (const Workload& w : wide_workloads(options.seed)) all.push_back({shape, w});
    }
  }
  return all;
}

Outcome examine(const Options& options, const Case& c, std::uint64_t pairs, std::uint64_t seed) {
  const std::size_t n = c.workload.keys.rows, d = c.workload.keys.cols;
  const double epsilon = c.workload.epsilon;
  heavykeys::Spec spec = support::make_spec(d, std::min(1.0, epsilon * options.blunt), 24, 256);
  spec.score = c.shape.law.score;
  const auto gridded = oracle::grid(c.workload.keys.values, n, d, spec.block_rows, spec.grid_bits);
  const bool library = options.set == "library";
  heavykeys::UniversalSet set;
  std::vector<std::size_t> members;
  if (library) {
    set = finalize(support::absorbed(spec, heavykeys::rows(c.workload.keys.values.data(), n, d)));
    for (const auto& id : set.ids()) members.push_back(static_cast<std::size_t>(id.row));
  } else {
    members = law_set(c.shape.law, gridded, d, spec.epsilon, options.set == "sharp");
  }
  const Instance instance = make_instance(c.shape, epsilon, gridded, d, members);
  Search search(instance, seed);
  search.run(d > 32 ? pairs / 10 : pairs);  // climbs cost d^2 a key

  const Examiner& seen = search.examined();
  Outcome out;
  out.pairs = seen.pairs();
  out.queries = seen.queries();
  out.best = seen.best().peak.ratio;
  for (const Finding& suspect : seen.suspects()) out.missed += true_ratio(instance, suspect) >= 1 + 1e-15L;
  out.line = {{"score", c.shape.name()},
              {"family", c.workload.family},
              {"n", n},
              {"d", d},
              {"epsilon", epsilon},
              {"members", members.size()},
              {"queries", out.queries},
              {"pairs", out.pairs},
              {"missed", out.missed},
              {"best_ratio", out.best},
              {"best_from", seen.best().how}};
  if (library && options.blunt == 1) {
    const Intervals intervals = check_intervals(instance, set, seen.sample());
    out.entries = intervals.entries;
    out.violations = intervals.violations;
    out.line["entries"] = intervals.entries;
    out.line["violations"] = intervals.violations;
    out.line["widest"] = intervals.widest;
    if (!intervals.first.empty()) out.line["first_violation"] = intervals.first;
  }
  return out;
}

int run(const Options& options) {
  std::vector<Case> all;
  std::size_t count = 0;
  for (Case& c : cases(options)) {
    if (count++ % options.every == 0) all.push_back(std::move(c));
  }
  if (all.empty()) {
    std::cerr << "no score " << options.score << "\n";
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  const auto share = static_cast<std::uint64_t>(options.pairs / static_cast<double>(all.size()));
  Outcome sum;
  std::atomic<std::size_t> next{0}, skipped{0}, failed{0};
  std::mutex output;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < all.size();) {
      try {
        const Outcome one = examine(options, all[i], share, options.seed * 7919 + i);
        const std::lock_guard lock(output);
        sum.pairs += one.pairs;
        sum.queries += one.queries;
        sum.missed += one.missed;
        sum.entries += one.entries;
        sum.violations += one.violations;
        sum.best = std::max(sum.best, one.best);
        const bool wrong = one.violations > 0 || (one.missed > 0) != options.expect_missed;
        if (!options.quiet || (wrong && !options.expect_missed)) std::cout << one.line.dump() << std::endl;
      } catch (const IllConditioned&) {
        ++skipped;
      } catch (const std::exception& error) {
        const std::lock_guard lock(output);
        ++failed;
        std::cerr << all[i].shape.name() << " " << all[i].workload.family << ": " << error.what() << "\n";
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < options.threads; ++t) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::cout << nlohmann::ordered_json{{"cases", all.size()},       {"seed", options.seed},
                                      {"queries", sum.queries},    {"pairs", sum.pairs},
                                      {"missed", sum.missed},      {"best_ratio", sum.best},
                                      {"entries", sum.entries},    {"violations", sum.violations},
                                      {"skipped", skipped.load()}, {"failed", failed.load()},
                                      {"seconds", wall.count()}}
                   .dump()
            << std::endl;
  if (failed > 0 || sum.violations > 0) return 1;
  return (sum.missed > 0) == options.expect_missed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Searches for heavy keys outside the universal set, and for weights outside their intervals");
  app.add_option("--pairs", options.pairs, "pairs (query, key outside U) to examine, over all cases")
      ->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--score", options.score, "one score by its name (default: all)");
  app.add_option("--every", options.every, "one case of so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--set", options.set, "whose U: the library's; the theorems' (law); a sharper onion (sharp)")
      ->check(CLI::IsMember({"library", "law", "sharp"}))
      ->capture_default_str();
  app.add_option("--blunt", options.blunt, "make U for this multiple of epsilon: a U that lacks keys")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--expect-missed", options.expect_missed, "succeed when a key was missed");
  app.add_flag("--quiet", options.quiet, "the summary, and the cases that went wrong");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
