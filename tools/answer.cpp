#include "tools/answer.hpp"

#include <fmt/format.h>

#include "tools/context.hpp"
#include "tools/memory.hpp"
#include "tools/page.hpp"
#include "tools/pass.hpp"
#include "tools/results.hpp"
#include "tools/summary.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"

namespace heavykeys::tools {

Queries::Queries(const std::string& name, std::size_t dim, std::size_t heads)
    : name_(name == "-" ? "stdin" : name), tensor_(open_queries(name)) {
  if (tensor_.dim() != dim) {
    throw InvalidInput(name_ + ": queries have " + std::to_string(tensor_.dim()) + " columns, keys have " +
                       std::to_string(dim));
  }
  if (tensor_.heads() != heads && tensor_.heads() != 1) {
    throw InvalidInput(name_ + ": queries have " + std::to_string(tensor_.heads()) + " heads, keys have " +
                       std::to_string(heads));
  }
}

Mode mode_of(const std::string& name) {
  return name == "no-false-positives" ? Mode::no_false_positives : Mode::no_false_negatives;
}

HeavyOptions entry_options(const EntryOptions& options) {
  const double confidence = options.confidence.value_or(0.0);
  if (options.confidence && !(confidence > 0.0 && confidence < 1.0)) {
    throw InvalidInput(fmt::format("--confidence is {}; it must be in (0, 1)", confidence));
  }
  return {.mode = mode_of(options.mode), .confidence = confidence};
}

void check_stdin(const std::string& keys, const std::string& queries, const EngineOptions& engine) {
  if (keys != "-" && queries != "-") return;
  if (keys == queries) throw InvalidInput("--keys and --queries cannot both come from stdin");
  if (engine.name == "mpi") {
    throw InvalidInput(fmt::format("--{} -: stdin belongs to the first rank alone; --engine mpi needs a file",
                                   keys == "-" ? "keys" : "queries"));
  }
}

RunInfo run_info(const Engine& engine) {
  RunInfo run;
  run.engine = engine.name();
  run.threads = engine.threads();
  if (engine.job().is_mpi()) run.ranks = engine.job().ranks();
  return run;
}

UniversalSet decide(Sketch& sketch, const KeySource& keys, std::size_t head, const Engine& engine,
                    RunInfo& run) {
  {
    const Stopwatch watch(run.merge_seconds);
    in_file(place(keys, head), [&] { engine.allmerge(sketch); });
  }
  const Stopwatch watch(run.finalize_seconds);
  UniversalSet set;
  engine.job().together([&] { set = in_file(keys.name(), [&] { return finalize(sketch); }); });
  return set;
}

void deliver(Report& report, const ReportOptions& options, Job& job) {
  // Once: the file and stdout must agree.
  const auto peak = peak_resident_bytes();
  const std::int64_t greatest = job.greatest(peak ? static_cast<std::int64_t>(*peak) : -1);
  if (greatest >= 0) report.run.peak_memory_bytes = static_cast<std::uint64_t>(greatest);
  job.first([&] {
    std::optional<PageView> view;
    if (!options.page.empty()) view = page_view(report);
    if (!options.tokens.empty()) {
      name_tokens(report, options.tokens, view ? named_rows(report, *view) : std::set<std::uint64_t>());
    }
    if (!options.out.empty()) write_results(options.out, report);
    if (view) write_text(options.page, page(report, *view));
    if (options.json) {
      write_stdout(to_text(summary(report)));
    } else if (!options.quiet) {
      write_stdout(table(report, {.colour = stdout_has_colour(), .utf8 = locale_is_utf8()}));
    }
  });
}

}  // namespace heavykeys::tools
