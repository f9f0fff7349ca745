#include "tools/answer.hpp"

#include <fmt/format.h>

#include "tools/key_source.hpp"
#include "tools/memory.hpp"
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

void deliver(Report& report, const ReportOptions& options) {
  if (!options.tokens.empty()) name_tokens(report, options.tokens);
  report.run.peak_memory_bytes = peak_resident_bytes();  // once: the file and stdout must agree
  if (!options.out.empty()) write_results(options.out, report);
  if (options.json) {
    write_stdout(to_text(summary(report)));
  } else if (!options.quiet) {
    write_stdout(table(report, {.colour = stdout_has_colour(), .utf8 = locale_is_utf8()}));
  }
}

}  // namespace heavykeys::tools
