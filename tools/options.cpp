#include "tools/options.hpp"

#include <memory>

namespace heavykeys::tools {
namespace {

/// Adds a verb whose options live as long as its callback, and are handed over when it was the one given.
template <typename VerbOptions>
std::pair<CLI::App*, VerbOptions*> add_verb(CLI::App& app, Options& chosen, const char* name,
                                            const char* description, const char* example) {
  auto values = std::make_shared<VerbOptions>();
  CLI::App* verb = app.add_subcommand(name, description);
  verb->footer(std::string("Example:\n  ") + example);
  verb->callback([values, &chosen] { chosen = *values; });
  return {verb, values.get()};
}

/// CLI11 would take "" for no option at all.
std::string not_empty(const std::string& text) { return text.empty() ? "must be a number" : std::string(); }

/// CLI11 would wrap -1 around to a large unsigned number.
std::string not_negative(const std::string& text) {
  if (text.empty()) return not_empty(text);
  return text.starts_with('-') ? "must not be negative, but is " + text : std::string();
}

/// 0 would stand for no option at all.
std::string not_zero(const std::string& text) {
  const std::string wrong = not_negative(text);
  if (!wrong.empty()) return wrong;
  return text.find_first_not_of("0.") == std::string::npos ? "must be positive, but is " + text
                                                           : std::string();
}

constexpr const char* kTensorHelp = ".npy, FILE.safetensors:TENSOR, or - for an .npy stream on stdin";

void add_engine(CLI::App& verb, EngineOptions& engine) {
  verb.add_option("--engine", engine.name,
                  "auto, streaming, tbb, openmp, or mpi under mpirun (see: heavykeys engines)")
      ->type_name("NAME")
      ->capture_default_str();
  verb.add_option("--threads", engine.threads,
                  "threads of the engine, of mpi those of each rank; default: all it may use")
      ->type_name("T");
}

constexpr const char* kScoreHelp = "the score f: power:P, expressive or polynomial:C0,C1,...";
constexpr const char* kSampleHelp = "rows sampled to estimate weights without a closed form";
constexpr const char* kSeedHelp = "seed of the sample";

void add_mode(CLI::App& verb, std::string& mode) {
  verb.add_option(
          "--mode", mode,
          "no-false-negatives lists every key that may be heavy, no-false-positives none that may not")
      ->type_name("MODE")
      ->check(CLI::IsMember({"no-false-negatives", "no-false-positives"}))
      ->capture_default_str();
}

void add_entries(CLI::App& verb, EntryOptions& entries) {
  add_mode(verb, entries.mode);
  verb.add_option("--confidence", entries.confidence,
                  "narrow the bounds of weights by the sample; a query's are wrong with probability <= DELTA")
      ->type_name("DELTA")
      ->check(not_empty);
}

void add_report(CLI::App& verb, ReportOptions& report) {
  verb.add_option("--out", report.out, "folder for the arrays and summary.json")->type_name("DIR");
  verb.add_option("--tokens", report.tokens, "text file, line i names row i")->type_name("FILE");
  verb.add_option("--top", report.top, "rows shown of each table")
      ->type_name("N")
      ->check(not_negative)
      ->capture_default_str();
  verb.add_flag("--json", report.json, "print summary.json, and nothing else, on stdout");
  verb.add_flag("--quiet", report.quiet, "print neither table nor progress");
}

void declare_find(CLI::App& app, Options& chosen) {
  auto [verb, find] = add_verb<FindOptions>(
      app, chosen, "find", "Find the keys that a query can give a weight >= epsilon, in one pass",
      "heavykeys find --keys k.npy --queries q.npy --epsilon 0.05 --out result");
  verb->add_option("--keys", find->keys, kTensorHelp)->type_name("K")->required();
  verb->add_option("--epsilon", find->epsilon, "threshold, in (0, 1]")->type_name("E")->required();
  verb->add_option("--queries", find->queries, "queries to find the heavy entries of; as K")->type_name("Q");
  verb->add_option("--score", find->score, kScoreHelp)->type_name("F")->capture_default_str();
  verb->add_flag("--causal", find->causal, "query i of m sees only the keys j <= i + n - m");
  add_entries(*verb, find->entries);
  verb->add_flag("--verify", find->verify,
                 "read the keys again for the queries whose weights are known only as intervals");
  verb->add_option("--sample-rows", find->sample_rows, kSampleHelp)
      ->type_name("N")
      ->check(not_negative)
      ->capture_default_str();
  verb->add_option("--seed", find->seed, kSeedHelp)
      ->type_name("S")
      ->check(not_negative)
      ->capture_default_str();
  add_engine(*verb, find->engine);
  add_report(*verb, find->report);
}

void declare_scan(CLI::App& app, Options& chosen) {
  auto [verb, scan] = add_verb<ScanVerbOptions>(
      app, chosen, "scan",
      "List the heavy entries of queries under any score, softmax too, in one pass over keys",
      "heavykeys scan --keys k.npy --queries q.npy --epsilon 0.05 --score softmax:0.125 --out result");
  verb->add_option("--keys", scan->keys, kTensorHelp)->type_name("K")->required();
  verb->add_option("--queries", scan->queries, "the queries; as K")->type_name("Q")->required();
  verb->add_option("--epsilon", scan->epsilon, "threshold, in [1e-60, 1]")->type_name("E")->required();
  verb->add_option("--score", scan->score,
                   "the score f: softmax[:SCALE], power:P, expressive or polynomial:C0,C1,...")
      ->type_name("F")
      ->required();
  verb->add_flag("--causal", scan->causal, "query i of m sees only the keys j <= i + n - m");
  add_mode(*verb, scan->mode);
  verb->add_option(
          "--audit", scan->audit,
          "say how much of what is heavy is among these keys: an .npy of row ids, or the DIR of a find")
      ->type_name("U");
  add_engine(*verb, scan->engine);
  add_report(*verb, scan->report);
}

void declare_sketch(CLI::App& app, Options& chosen) {
  auto [verb, sketch] = add_verb<SketchOptions>(
      app, chosen, "sketch", "Absorb keys into a state file, to be resumed, merged or finalized",
      "heavykeys sketch --keys k.npy --epsilon 0.05 --out s.hks");
  verb->add_option("--keys", sketch->keys, kTensorHelp)->type_name("K")->required();
  verb->add_option("--epsilon", sketch->epsilon, "threshold, in (0, 1]; not needed with --resume")
      ->type_name("E");
  verb->add_option("--out", sketch->out, "the state file to write")->type_name("S.hks")->required();
  verb->add_option("--score", sketch->score, std::string(kScoreHelp) + "; default: power:2")->type_name("F");
  verb->add_option("--sample-rows", sketch->sample_rows, std::string(kSampleHelp) + "; default: 1024")
      ->type_name("N")
      ->check(not_negative);
  verb->add_option("--seed", sketch->seed, std::string(kSeedHelp) + "; default: 0")
      ->type_name("S")
      ->check(not_negative);
  verb->add_option("--resume", sketch->resume, "append to this state the rows of K that it has not seen")
      ->type_name("S0.hks");
  verb->add_option("--rows", sketch->rows, "only rows A <= row < B of K")->type_name("A:B");
  verb->add_option("--first-row", sketch->first_row, "row id of the first row of K")
      ->type_name("N")
      ->check(not_negative)
      ->capture_default_str();
  verb->add_option("--stream", sketch->stream, "stream id, for shards that do not know each other's length")
      ->type_name("S")
      ->check(not_negative)
      ->capture_default_str();
  verb->add_option("--head", sketch->head, "which head of [heads, n, d] keys")
      ->type_name("H")
      ->check(not_negative);
  verb->add_option("--checkpoint", sketch->checkpoint,
                   "folder to save the work in, for a job that may be cut off: started again with the same\n"
                   "DIR, on any number of ranks, it goes on from there. Removed once S.hks is written")
      ->type_name("DIR");
  verb->add_option("--checkpoint-every", sketch->checkpoint_rows, "save after so many rows of each rank")
      ->type_name("ROWS")
      ->check(not_negative)
      ->capture_default_str();
  verb->add_flag("--quiet", sketch->quiet, "print nothing");
  add_engine(*verb, sketch->engine);
}

void declare_state_verbs(CLI::App& app, Options& chosen) {
  auto [merge_verb, merge] =
      add_verb<MergeOptions>(app, chosen, "merge", "Merge state files into one, in any order",
                             "heavykeys merge a.hks b.hks --out c.hks");
  merge_verb->add_option("inputs", merge->inputs, "state files")->type_name("S.hks")->required();
  merge_verb->add_option("--out", merge->out, "the state file to write")->type_name("S.hks")->required();

  auto [finalize_verb, finalize] = add_verb<FinalizeOptions>(
      app, chosen, "finalize", "Decide the universal set of a state file, and heavy entries of queries",
      "heavykeys finalize s.hks --queries q.npy --out result");
  finalize_verb->add_option("sketch", finalize->sketch, "state file")->type_name("S.hks")->required();
  finalize_verb->add_option("--queries", finalize->queries, kTensorHelp)->type_name("Q");
  add_entries(*finalize_verb, finalize->entries);
  add_engine(*finalize_verb, finalize->engine);
  add_report(*finalize_verb, finalize->report);

  auto [show_verb, show] =
      add_verb<ShowOptions>(app, chosen, "show", "Say what a state file holds", "heavykeys show s.hks");
  show_verb->add_option("sketch", show->sketch, "state file")->type_name("S.hks")->required();
  show_verb->add_flag("--json", show->json, "as JSON");
}

void add_plant_precision(CLI::App& verb, PlantVerbOptions& plant) {
  verb.add_option("--epsilon1", plant.plant.epsilon1, "ratios within a row are right within a factor 1 + E1")
      ->type_name("E1")
      ->check(not_empty)
      ->capture_default_str();
  verb.add_option("--epsilon2", plant.plant.epsilon2,
                  "no weight off the pattern is above E2; default: 1 / (100 columns)")
      ->type_name("E2")
      ->check(not_zero);
  verb.add_option("--failure", plant.plant.failure,
                  "probability, over the seed, that the bound may fail with")
      ->type_name("DELTA")
      ->check(not_empty)
      ->capture_default_str();
  verb.add_option("--dim", plant.plant.dim, "columns of queries and keys; default: the bound")
      ->type_name("R")
      ->check(not_zero);
  verb.add_option("--logit", plant.plant.logit,
                  "logit of each row's greatest entry, above ln(1/E2); default: docs/sparse_patterns.md")
      ->type_name("T")
      ->check(not_zero);
  verb.add_option("--construction", plant.construction, "interpolating, or svd, the paper's")
      ->type_name("NAME")
      ->check(CLI::IsMember({"interpolating", "svd"}))
      ->capture_default_str();
}

void declare_plant(CLI::App& app, Options& chosen) {
  auto [verb, plant] = add_verb<PlantVerbOptions>(
      app, chosen, "plant", "Make queries and keys whose softmax attention is a given sparse matrix",
      "heavykeys plant --random 1024 --nonzeros 2 --ratio 4 --out planted");
  auto* pattern = verb->add_option("--pattern", plant->pattern,
                                   "the matrix: .npy [L, L'] of elements >= 0, or a folder with indptr.npy,\n"
                                   "indices.npy (int64) and values.npy (float64), its columns in order")
                      ->type_name("M");
  auto* random =
      verb->add_option("--random", plant->random, "or a random one, L x L")->type_name("L")->check(not_zero);
  pattern->excludes(random);
  verb->add_option("--nonzeros", plant->nonzeros,
                   "entries of each row and column of a random pattern, default 1; the most of a given one")
      ->type_name("K")
      ->check(not_zero);
  verb->add_option("--ratio", plant->ratio,
                   "greatest entry / least entry in each row of a random pattern, default 1; the most of a "
                   "given one")
      ->type_name("GAMMA")
      ->check(not_empty);
  verb->add_option("--seed", plant->plant.seed, "seed of the random pattern and of the construction")
      ->type_name("S")
      ->check(not_negative)
      ->capture_default_str();
  add_plant_precision(*verb, *plant);
  auto* search = verb->add_flag("--smallest-dim", plant->smallest_dim, "search the least R that is enough");
  verb->add_option("--trials", plant->trials, "seeds that all must succeed in the search: S, S + 1, ...")
      ->type_name("N")
      ->check(not_zero)
      ->needs(search)
      ->capture_default_str();
  verb->get_option("--dim")->excludes(search);
  verb->add_option("--dtype", plant->dtype, "of queries and keys as written: float64 or float32")
      ->type_name("DTYPE")
      ->check(CLI::IsMember({"float64", "float32"}))
      ->capture_default_str();
  verb->add_option("--out", plant->out, "folder for the arrays and summary.json")->type_name("DIR");
  verb->add_flag("--json", plant->json, "print summary.json, and nothing else, on stdout");
  verb->add_flag("--quiet", plant->quiet, "print nothing");
  add_engine(*verb, plant->engine);
}

void declare_engines(CLI::App& app, Options& chosen) {
  auto [verb, engines] =
      add_verb<EnginesOptions>(app, chosen, "engines", "List the engines and instruction sets of this build",
                               "heavykeys engines --json");
  verb->add_flag("--json", engines->json, "as JSON");
}

}  // namespace

void declare_verbs(CLI::App& app, Options& options) {
  app.require_subcommand(1);
  declare_find(app, options);
  declare_scan(app, options);
  declare_sketch(app, options);
  declare_state_verbs(app, options);
  declare_plant(app, options);
  declare_engines(app, options);
}

}  // namespace heavykeys::tools
