#include "tools/eigen_report.hpp"

#include <fmt/format.h>

#include "heavykeys/version.hpp"
#include "tools/component_files.hpp"
#include "tools/summary.hpp"
#include "tools/terminal.hpp"

namespace heavykeys::tools {
namespace {

constexpr double kShares[] = {0.5, 0.9, 0.95, 0.99};

bool is_whole(const EigenReport& report) { return report.options->of == "matrices"; }

/// "128 x 128".
std::string shape(const EigenReport& report) { return fmt::format("{} x {}", report.size, report.size); }

Json asked(const EigenReport& report) {
  const EigenOptions& options = *report.options;
  Json json{{"heavykeys", version()}, {"verb", "eigen"}};
  if (!options.scores.empty()) json["scores"] = options.scores;
  if (!options.keys.empty()) {
    json["queries"] = options.queries;
    json["keys"] = options.keys;
    if (report.scale) json["scale"] = *report.scale;
    json["normalisation"] = options.normalisation;
    if (options.normalisation == "softmax") json["causal"] = options.causal;
  }
  if (!options.from.empty()) json["from"] = options.from;
  json["of"] = options.of;
  if (report.size > 0) json["matrices"] = {report.size, report.size};
  if (report.left_out > 0) json["rows_left_out"] = report.left_out;
  if (report.spec.sketch_columns > 0) {
    json["sketch_columns"] = report.spec.sketch_columns;
    json["seed"] = report.spec.seed;
  }
  return json;
}

Json found(const PrincipalComponents& c) {
  Json needed;
  for (const double share : kShares) {
    const std::size_t count = components_for(c, share);
    needed[fmt::format("{}", share)] = count == 0 ? Json() : Json(count);
  }
  return {{"samples", c.samples},
          {"dim", c.dim},
          {"components", c.size()},
          {"total_variance", c.total_variance},
          {"components_for", std::move(needed)}};
}

Json summary_of(const EigenReport& report, const EigenGroup& group) {
  Json json = asked(report);
  if (report.apart) json["head"] = group.first_head;
  json.update(found(group.components));
  return json;
}

Json summary(const EigenReport& report) {
  if (!report.apart) return summary_of(report, report.groups.front());
  Json json = asked(report);
  json["heads"] = Json::array();
  for (const EigenGroup& group : report.groups) json["heads"].push_back(found(group.components));
  return json;
}

std::string table(const EigenReport& report) {
  std::string text = fmt::format("  {:<15} {}\n  {:<15} {}{}{}\n", "scores", report.name, "samples",
                                 is_whole(report) ? "matrices" : "rows of matrices",
                                 report.size > 0 ? " of " + shape(report) : std::string(),
                                 report.options->normalisation == "softmax" ? ", after softmax" : "");
  if (report.left_out > 0)
    text += fmt::format("  {:<15} {} rows of each head\n", "left out", report.left_out);
  text += fmt::format("\n  {:<8}{:>10}{:>10}   components for a share of the variance\n  {:<8}{:>10}{:>10}",
                      "", "samples", "kept", "", "", "");
  for (const double share : kShares) text += fmt::format("{:>8.0f}%", 100 * share);
  text += "\n";
  for (const EigenGroup& group : report.groups) {
    const PrincipalComponents& c = group.components;
    const std::string head = report.apart ? fmt::format("head {}", group.first_head) : "all";
    text += fmt::format("  {:<8}{:>10}{:>10}", head, c.samples, c.size());
    for (const double share : kShares) {
      const std::size_t count = components_for(c, share);
      text += fmt::format("{:>9}", count == 0 ? "more" : std::to_string(count));
    }
    text += "\n";
  }
  return text;
}

void write_folders(const EigenReport& report, const std::string& text) {
  write_folder(report.options->out, kComponentFiles, [&](const std::filesystem::path& folder) {
    if (!report.apart) {
      return write_components(folder, report.groups.front().components, is_whole(report), text);
    }
    for (const EigenGroup& group : report.groups) {
      const auto head = folder / fmt::format("head-{:03}", group.first_head);
      std::filesystem::create_directory(head);
      write_components(head, group.components, is_whole(report), to_text(summary_of(report, group)));
    }
    write_text(folder / "summary.json", text);
  });
}

}  // namespace

void deliver(const EigenReport& report) {
  const std::string text = to_text(summary(report));
  if (!report.options->out.empty()) write_folders(report, text);
  if (report.options->json) return write_stdout(text);
  if (!report.options->quiet) write_stdout(table(report));
}

}  // namespace heavykeys::tools
