#include "tools/options.hpp"

#include "tools/declare.hpp"

namespace heavykeys::tools {

void add_engine(CLI::App& verb, EngineOptions& engine) {
  verb.add_option("--engine", engine.name,
                  "auto, streaming, tbb, openmp, or mpi under mpirun (see: heavykeys engines)")
      ->type_name("NAME")
      ->capture_default_str();
  verb.add_option("--threads", engine.threads,
                  "threads of the engine, of mpi those of each rank; default: all it may use")
      ->type_name("T");
}

namespace {

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
  verb.add_option("--report", report.page, "file for the findings as one HTML page with charts")
      ->type_name("F.html");
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
  verb->add_option("--tolerance", scan->tolerance,
                   "how wide the bounds of a weight may be, relative to it: 1e-10 .. 0.1; softmax to 0.01 or "
                   "more is several times as fast")
      ->type_name("T")
      ->capture_default_str();
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
  declare_eigen(app, options);
  declare_reconstruct(app, options);
  declare_plant(app, options);
  declare_engines(app, options);
}

}  // namespace heavykeys::tools
