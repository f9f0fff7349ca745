// How long from keys and queries to all heavy entries, beside FAISS range_search and a BLAS brute force?
//
// The rivals need the normaliser N_q = q^T (K^T K) q of every query first: weight (q.k)^2 / N_q >= epsilon
// becomes |q'.k| >= sqrt(epsilon) for q' = q / sqrt(N_q), one radius for all queries. Their times are given
// without that Gram matrix and with it; the time of heavykeys always includes it.
//
// Rivals take time in proportion to the queries. With --rival-queries they are timed on some of them and
// their search is scaled, which the table says; sgemm still searches for all once, to compare.
#include <algorithm>
#include <cmath>
#include <map>

#include "bench/blas.hpp"
#include "bench/engine.hpp"
#include "bench/heavy_entries_options.hpp"
#include "bench/heavy_entries_report.hpp"
#include "bench/machine.hpp"
#include "bench/pairs.hpp"
#include "bench/peaks.hpp"
#include "bench/report.hpp"
#include "bench/rivals_of_heavy_entries.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"

namespace heavykeys::bench {
namespace {

using Options = HeavyEntriesOptions;

// Absorb, finalize, list: seconds of each.
struct OurRun {
  double absorb = 0;
  double finalize = 0;
  double list = 0;
  std::size_t set_size = 0;
  HeavyEntries entries;
};

OurRun run_ours(const Options& options, const Rows& keys, const Rows& queries) {
  OurRun run;
  Sketch sketch(Spec{.dim = keys.dim, .epsilon = options.epsilon});
  UniversalSet set;
  run.absorb = seconds_of([&] { options.engine.absorb(sketch, keys); });
  run.finalize = seconds_of([&] { set = finalize(sketch); });
  run.list = seconds_of([&] { run.entries = options.engine.heavy_entries(set, queries); });
  run.set_size = set.size();
  return run;
}

// What every contender must agree on before anything is timed.
nlohmann::json check(const Options& options, const Search& search, const Pairs& by_sgemm,
                     const Pairs& by_faiss, const Rows& keys, const Rows& queries) {
  nlohmann::json checked = {
      {"pairs_sgemm", by_sgemm.size()},
      {"pairs_faiss", by_faiss.size()},
      {"near_ties_faiss_sgemm", near_ties(search, options.rival_queries, by_sgemm, by_faiss, "FAISS")}};
  if (options.rivals_only) return checked;
  check_small_problem(options.engine, Dtype::f32);
  const OurRun ours = run_ours(options, keys, queries);
  const Pairs pairs = pairs_of(ours.entries, search.n);
  checked["pairs_heavykeys"] = pairs.size();
  checked["near_ties_heavykeys_sgemm"] = near_ties(search, search.m, by_sgemm, pairs, "heavykeys");
  checked["near_ties_heavykeys_faiss"] =
      near_ties(search, options.rival_queries, by_faiss, pairs, "heavykeys");
  checked["universal_set"] = ours.set_size;
  return checked;
}

// Medians over the rounds, so that the parts of a run can be told apart.
class Parts {
 public:
  double add(const char* part, double seconds) {
    seconds_[part].push_back(seconds);
    return seconds;
  }
  nlohmann::json json() const {
    nlohmann::json result;
    for (const auto& [part, seconds] : seconds_) result[part] = to_json(stats_of(seconds));
    return result;
  }

 private:
  std::map<std::string, std::vector<double>> seconds_;
};

Rows view_of(const void* data, std::size_t count, std::size_t dim) {
  return {.data = data, .count = count, .dim = dim, .row_stride = static_cast<std::ptrdiff_t>(dim)};
}

Measured sum_of(const std::string& name, const Measured& a, const Measured& b) {
  Measured sum = {name, {}};
  for (std::size_t i = 0; i < std::min(a.seconds.size(), b.seconds.size()); ++i) {
    sum.seconds.push_back(a.seconds[i] + b.seconds[i]);
  }
  return sum;
}

// All that the contenders work on, and how the rivals do it best.
struct Problem {
  Search search, for_rivals;
  Rows keys, queries;
  GramPlan gram_plan;
  SgemmPlan sgemm_plan;
  int faiss_block;
};

std::vector<Contender> rivals(const Options& options, const Problem& problem, Parts& parts) {
  const double scale = static_cast<double>(options.queries) / static_cast<double>(options.rival_queries);
  return {
      {"Gram by ssyrk (the rivals need it)", options.repeats,
       [&] { return seconds_of([&] { gram_by_ssyrk(problem.keys, problem.gram_plan, options.threads); }); }},
      {"FAISS add + range_search, no Gram", options.faiss_repeats,
       [&, scale] {
         const FaissRun run = search_by_faiss(problem.for_rivals, problem.faiss_block);
         return parts.add("faiss add", run.add_seconds) +
                parts.add("faiss search", scale * run.search_seconds);
       }},
      {"sgemm + scan, no Gram", options.repeats, [&, scale] {
         return scale * seconds_of([&] { search_by_sgemm(problem.for_rivals, problem.sgemm_plan); });
       }}};
}

void measure(const Options& options, const Problem& problem, nlohmann::json& document) {
  Parts parts;
  std::vector<Contender> contenders = rivals(options, problem, parts);
  const auto bytes = [](const Rows& some) { return some.count * some.dim * sizeof(float); };
  const int pattern = best_read_pattern(problem.keys.data, bytes(problem.keys), options.threads);
  std::uint64_t sum = 0;
  contenders.push_back({"read keys and queries", options.repeats, [&] {
                          return seconds_of([&] {
                            for (const Rows& some : {problem.keys, problem.queries})
                              sum += read_all(some.data, bytes(some), options.threads, pattern);
                          });
                        }});
  if (!options.rivals_only) {
    contenders.push_back({"heavykeys, all of it, " + options.engine.name, options.repeats, [&] {
                            const OurRun run = run_ours(options, problem.keys, problem.queries);
                            return parts.add("heavykeys absorb", run.absorb) +
                                   parts.add("heavykeys finalize", run.finalize) +
                                   parts.add("heavykeys heavy_entries", run.list);
                          }});
  }
  const OtherWork others;
  std::vector<Measured> measured = interleave(contenders);
  document["processors_busy_with_others"] = others.processors();
  document["read_sum"] = sum;
  const auto place = measured.begin() + faiss_and_gram;
  measured.insert(place, {sum_of("FAISS with Gram", measured[faiss], measured[gram]),
                          sum_of("sgemm + scan with Gram", measured[sgemm], measured[gram])});
  report_heavy_entries(options, measured, parts.json(), document);
}

int run(int argc, char** argv) {
  const Options options = parse_heavy_entries_options(argc, argv);
  use_right_blas_kernels(options.threads, argv);
  if (!options.isa.empty()) set_isa(options.isa);
  const KeyShape& shape = options.shape;
  const Buffer storage(shape.count * shape.dim * sizeof(float));
  make_keys(storage.floats(), shape, options.threads);
  const std::vector<float> raw_queries = make_queries(storage.floats(), shape, options.queries);
  const Rows keys = view_of(storage.data(), shape.count, shape.dim);
  const Rows queries = view_of(raw_queries.data(), options.queries, shape.dim);
  const std::vector<float> unit = normalised(raw_queries, gram_by_dsyrk(keys, options.threads), shape.dim);
  const Search search = {storage.floats(), shape.count, unit.data(),
                         options.queries,  shape.dim,   static_cast<float>(std::sqrt(options.epsilon)),
                         options.threads};
  Search for_rivals = search;
  for_rivals.m = options.rival_queries;

  nlohmann::json document = {{"benchmark", "heavy_entries"}, {"machine", describe_machine()}};
  document["peaks"] = measure_peaks(options.threads);
  const GramPlan gram_plan = best_gram_plan(keys, Sharing::caller, options.threads, document["ssyrk_trials"]);
  const SgemmPlan sgemm_plan = best_sgemm_plan(for_rivals, document["sgemm_trials"]);
  const int faiss_block = best_faiss_block(for_rivals, document["faiss_trials"]);
  document["check"] = check(options, search, search_by_sgemm(search, sgemm_plan),
                            search_by_faiss(for_rivals, faiss_block).pairs, keys, queries);
  measure(options, {search, for_rivals, keys, queries, gram_plan, sgemm_plan, faiss_block}, document);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("heavy_entries", heavykeys::bench::run, argc, argv);
}
