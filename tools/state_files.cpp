// heavykeys sketch, merge, finalize, show: the verbs about state files.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "heavykeys/streaming.hpp"
#include "lib/sketch_state.hpp"
#include "tools/answer.hpp"
#include "tools/context.hpp"
#include "tools/mass.hpp"
#include "tools/outputs.hpp"
#include "tools/results.hpp"
#include "tools/route.hpp"
#include "tools/state_file.hpp"
#include "tools/summary.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"
#include "tools/tokens.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {

Sketch load_state(const std::string& file) {
  try {
    return in_file(file, [&] { return streaming::load(file); });
  } catch (const BackendError& error) {
    // A file that the user named and that cannot be read is bad input, not a failure of ours.
    throw InvalidInput(with_file(file, error.what()));
  }
}

void run(const MergeOptions& options) {
  check_parent_folder(options.out);
  Sketch whole = load_state(options.inputs.front());
  for (std::size_t i = 1; i < options.inputs.size(); ++i) {
    const Sketch part = load_state(options.inputs[i]);
    in_file(options.inputs[i], [&] { merge(whole, part); });
  }
  streaming::save(whole, options.out);
}

void run(const FinalizeOptions& options, Job& job) {
  HeavyOptions what;
  job.alike([&] {
    const Engine engine(options.engine, job);
    what = entry_options(options.entries);
  });
  const Engine engine(options.engine, job);
  std::optional<Sketch> sketch;
  std::optional<Queries> queries;
  job.together([&] {
    if (job.is_first())
      check_outputs(options.report, {options.sketch, options.queries, options.report.tokens});
    sketch = load_state(options.sketch);
    if (!options.queries.empty()) queries.emplace(options.queries, sketch->spec().dim, 1);
    if (!options.report.tokens.empty() && job.is_first())
      check_tokens(options.report.tokens, sketch->next_row());
  });

  Report report;
  report.verb = "finalize";
  report.input = options.sketch;
  report.queries = options.queries;
  report.entries = what;
  report.top = options.report.top;
  report.run = run_info(engine);
  Finding finding;
  {
    const Stopwatch watch(report.run.finalize_seconds);
    job.together([&] { finding.set = in_file(options.sketch, [&] { return finalize(*sketch); }); });
  }
  if (queries) {
    const Stopwatch watch(report.run.entries_seconds);
    finding.entries = engine.heavy_entries(finding.set, queries->head(0), what, queries->name());
  }
  if (queries && !options.report.page.empty())
    job.first([&] { finding.mass = mass_on_set(finding.set, queries->head(0), kMassWork); });
  report.heads.push_back(std::move(finding));
  deliver(report, options.report, job);
}

void run(const ShowOptions& options) {
  const Sketch sketch = load_state(options.sketch);
  const Spec& spec = sketch.spec();
  const auto file_bytes = std::filesystem::file_size(options.sketch);

  // The rank belongs to the whole: while rows are missing, say so instead.
  const detail::SketchState& state = detail::SketchAccess::state(sketch);
  const std::string missing = state.coverage.first_gap();
  std::optional<std::size_t> rank;
  std::string gap;
  if (missing.empty()) {
    rank = finalize(sketch).rank();
  } else {
    gap = "not known before " + missing + " are merged in";
  }
  const std::size_t candidates = state.candidates.size(), waiting = sketch.candidate_count() - candidates;

  if (options.json) {
    Json json{{"state", options.sketch},
              {"d", spec.dim},
              {"score", spec.score.name()},
              {"route", route_of(spec).name},
              {"epsilon", spec.epsilon},
              {"grid_bits", spec.grid_bits},
              {"block_rows", spec.block_rows},
              {"sample_rows", spec.sample_rows},
              {"seed", spec.seed},
              {"rows", sketch.row_count()},
              {"next_row", sketch.next_row()},
              {"candidates", candidates},
              {"waiting_rows", waiting}};
    json["rank"] = rank ? Json(*rank) : Json(nullptr);
    if (!rank) json["gap"] = gap;
    json["file_bytes"] = file_bytes;
    json["memory_bytes"] = sketch.memory_bytes();
    return write_stdout(to_text(json));
  }
  std::string text = fmt::format("{}\n", printable(options.sketch));
  const auto line = [&text](const char* name, const std::string& value) {
    text += fmt::format("  {:<11} {}\n", name, value);
  };
  line("spec", to_string(spec));
  line("route", to_string(route_of(spec)));
  line("rows", fmt::format("{}, the next of stream 0 is {}", sketch.row_count(), sketch.next_row()));
  line("candidates", std::to_string(candidates));
  line("waiting", fmt::format("{} rows of blocks that are not complete", waiting));
  line("rank", rank ? fmt::format("{} of {}", *rank, route_of(spec).coordinates) : printable(gap));
  line("bytes", fmt::format("{} in the file, {} in memory", bytes_text(static_cast<double>(file_bytes)),
                            bytes_text(static_cast<double>(sketch.memory_bytes()))));
  write_stdout(text);
}

}  // namespace heavykeys::tools
