// How long from keys and queries to all heavy entries, beside FAISS range_search and a BLAS brute force?
//
// The rivals need the normaliser N_q = q^T (K^T K) q of every query first: weight (q.k)^2 / N_q >= epsilon
// becomes |q'.k| >= sqrt(epsilon) for q' = q / sqrt(N_q), one radius for all queries. Their times are given
// without that Gram matrix and with it; the time of heavykeys always includes it.
#include <algorithm>
#include <cmath>
#include <map>

#include "bench/blas.hpp"
#include "bench/engine.hpp"
#include "bench/heavy_entries_options.hpp"
#include "bench/machine.hpp"
#include "bench/pairs.hpp"
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
      {"near_ties_faiss_sgemm", near_ties(search, options.faiss_queries, by_sgemm, by_faiss, "FAISS")}};
  if (options.rivals_only) return checked;
  check_small_problem(options.engine, Dtype::f32);
  const OurRun ours = run_ours(options, keys, queries);
  const Pairs pairs = pairs_of(ours.entries, search.n);
  checked["pairs_heavykeys"] = pairs.size();
  checked["near_ties_heavykeys_sgemm"] = near_ties(search, search.m, by_sgemm, pairs, "heavykeys");
  checked["near_ties_heavykeys_faiss"] =
      near_ties(search, options.faiss_queries, by_faiss, pairs, "heavykeys");
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

// measured: Gram, FAISS, sgemm, heavykeys (unless rivals only), FAISS with Gram, sgemm with Gram.
void report(const Options& options, const std::vector<Measured>& measured, const nlohmann::json& parts,
            nlohmann::json& document) {
  for (const Measured& line : measured) document["results"].push_back(throughput(line, 0, 0));
  document["parts_seconds"] = parts;
  document["openblas"] = describe_openblas();
  document["faiss"] = {{"queries_searched", options.faiss_queries},
                       {"scaled_to_all_queries", options.faiss_queries != options.queries},
                       {"searches", "q and -q, one range_search"}};
  const KeyShape& shape = options.shape;
  document["case"] = {{"keys", shape.count},        {"queries", options.queries},
                      {"dim", shape.dim},           {"epsilon", options.epsilon},
                      {"outliers", shape.outliers}, {"seed", shape.seed},
                      {"threads", options.threads}, {"engine", options.engine.name},
                      {"repeats", options.repeats}, {"faiss_repeats", options.faiss_repeats}};
  std::vector<std::string> notes = {"check: " + document["check"].dump(),
                                    "OpenBLAS " + document["openblas"]["corename"].get<std::string>(),
                                    other_work_line(document["processors_busy_with_others"])};
  for (const auto& [part, seconds] : parts.items())
    notes.push_back(part + ": " + seconds["median"].dump() + " s");
  if (options.faiss_queries != options.queries) {
    notes.push_back("FAISS searched " + std::to_string(options.faiss_queries) +
                    " queries; its search time is scaled");
  }
  if (!options.rivals_only) {
    document["heavykeys"] = {{"isa", active_isa()}, {"version", version()}};
    for (const std::size_t rival : {std::size_t{1}, std::size_t{4}, std::size_t{2}, std::size_t{5}}) {
      const Stats ratio = speedup(measured[3], measured[rival]);
      document["ratios"]["heavykeys / " + measured[rival].name] = to_json(ratio);
      notes.push_back(ratio_line("heavykeys / " + measured[rival].name, ratio));
    }
  }
  print_table("heavy entries: " + std::to_string(options.queries) + " queries, " +
                  std::to_string(shape.count) + " x " + std::to_string(shape.dim) + " keys, epsilon " +
                  std::to_string(options.epsilon) + ", " + std::to_string(options.threads) + " threads",
              measured, 0, 0, notes);
  write_json(document, options.json);
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
  Search for_faiss = search;
  for_faiss.m = options.faiss_queries;

  nlohmann::json document = {{"benchmark", "heavy_entries"}, {"machine", describe_machine()}};
  const GramPlan gram_plan = best_gram_plan(keys, Sharing::caller, options.threads, document["ssyrk_trials"]);
  const SgemmPlan sgemm_plan = best_sgemm_plan(search, document["sgemm_trials"]);
  const int faiss_block = best_faiss_block(for_faiss, document["faiss_trials"]);
  document["check"] = check(options, search, search_by_sgemm(search, sgemm_plan),
                            search_by_faiss(for_faiss, faiss_block).pairs, keys, queries);

  Parts parts;
  const double scale = static_cast<double>(options.queries) / static_cast<double>(options.faiss_queries);
  std::vector<Contender> contenders = {
      {"Gram by ssyrk (the rivals need it)", options.repeats,
       [&] { return seconds_of([&] { gram_by_ssyrk(keys, gram_plan, options.threads); }); }},
      {"FAISS add + range_search, no Gram", options.faiss_repeats,
       [&] {
         const FaissRun faiss = search_by_faiss(for_faiss, faiss_block);
         return parts.add("faiss add", faiss.add_seconds) +
                parts.add("faiss search", scale * faiss.search_seconds);
       }},
      {"sgemm + scan, no Gram", options.repeats,
       [&] { return seconds_of([&] { search_by_sgemm(search, sgemm_plan); }); }}};
  if (!options.rivals_only) {
    contenders.push_back({"heavykeys, all of it, " + options.engine.name, options.repeats, [&] {
                            const OurRun ours = run_ours(options, keys, queries);
                            return parts.add("heavykeys absorb", ours.absorb) +
                                   parts.add("heavykeys finalize", ours.finalize) +
                                   parts.add("heavykeys heavy_entries", ours.list);
                          }});
  }
  const OtherWork others;
  std::vector<Measured> measured = interleave(contenders);
  document["processors_busy_with_others"] = others.processors();
  measured.push_back(sum_of("FAISS with Gram", measured[1], measured[0]));
  measured.push_back(sum_of("sgemm + scan with Gram", measured[2], measured[0]));
  report(options, measured, parts.json(), document);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("heavy_entries", heavykeys::bench::run, argc, argv);
}
