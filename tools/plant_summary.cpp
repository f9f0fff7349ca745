#include "tools/plant_summary.hpp"

#include <fmt/format.h>

#include "heavykeys/isa.hpp"
#include "heavykeys/version.hpp"

namespace heavykeys::tools {
namespace {

Json searched(const PlantReport& report) {
  Json tries = Json::array();
  for (const SmallestDim::Try& t : report.search->tries) tries.push_back({{"d", t.dim}, {"met", t.met}});
  return {{"d", report.search->dim}, {"trials", report.trials}, {"tries", tries}};
}

Json achieved(const PlantReport& report) {
  const PatternPrecision& found = report.found;
  return {{"epsilon1", found.ratio_error},
          {"epsilon2", found.off_support},
          {"least_planted_weight", found.least_planted},
          {"off_support_mass", found.off_support_mass},
          {"max_error", found.max_error},
          {"logit_error", found.logit_error},
          {"met", report.met()}};
}

}  // namespace

Json summary(const PlantReport& report) {
  const PlantOptions& options = report.options;
  Json json{{"heavykeys", version()}, {"verb", "plant"}};
  json["pattern"] = report.input.empty() ? "random" : report.input;
  json["queries"] = report.shape.rows;
  json["n"] = report.shape.columns;
  json["entries"] = report.nonzeros;
  json["row_nonzeros"] = report.shape.row_nonzeros;
  json["column_nonzeros"] = report.shape.column_nonzeros;
  json["ratio"] = report.shape.ratio;
  json["construction"] = report.construction;
  json["epsilon1"] = options.epsilon1;
  json["epsilon2"] = options.epsilon2;
  json["failure"] = options.failure;
  json["logit"] = options.logit;
  json["seed"] = options.seed;
  json["dtype"] = report.dtype;
  json["d"] = options.dim;
  json["input_dim"] = 2 * options.dim;
  json["bound"] = report.bound.bound;
  json["exact"] = report.exact;
  if (report.search) json["smallest"] = searched(report);
  json["achieved"] = achieved(report);
  json["separating_epsilon"] =
      report.found.separating_epsilon ? Json(*report.found.separating_epsilon) : Json(nullptr);
  json["run"] = {{"engine", report.engine}, {"threads", report.threads}, {"isa", active_isa()}};
  json["run"]["seconds"] = {{"plant", report.plant_seconds}, {"verify", report.verify_seconds}};
  if (report.search) json["run"]["seconds"]["search"] = report.search_seconds;
  return json;
}

std::string table(const PlantReport& report) {
  const PatternPrecision& found = report.found;
  const PlantOptions& options = report.options;
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<15} {}\n", name, value);
  };
  line("pattern",
       fmt::format("{}   {} x {}, {} entries, at most {} in a row, ratio {:.6g}",
                   report.input.empty() ? "random" : report.input, report.shape.rows, report.shape.columns,
                   report.nonzeros, report.shape.row_nonzeros, report.shape.ratio));
  line("construction", fmt::format("{}, logit {:.4g}, seed {}, {}", report.construction, options.logit,
                                   options.seed, report.dtype));
  line("dimension",
       fmt::format("{} of queries and keys, {} of X; bound {}{}", options.dim, 2 * options.dim,
                   report.bound.bound, report.exact ? "; rank of the logits: nothing projected" : ""));
  if (report.search) {
    line("smallest", fmt::format("{} by search, {} seed{} each", report.search->dim, report.trials,
                                 report.trials == 1 ? "" : "s"));
  }
  line("ratios", fmt::format("right within a factor 1 + {:.3g}   (asked: {:.3g})", found.ratio_error,
                             options.epsilon1));
  line("off the pattern", fmt::format("weights at most {:.3g}   (asked: {:.3g}), in sum at most {:.3g}",
                                      found.off_support, options.epsilon2, found.off_support_mass));
  line("planted", fmt::format("weights at least {:.6g}; greatest error of any weight {:.3g}",
                              found.least_planted, found.max_error));
  line("precision", report.met() ? "met" : "NOT MET");
  line("epsilon", found.separating_epsilon
                      ? fmt::format("{} separates the planted entries", *found.separating_epsilon)
                      : std::string("none separates the planted entries"));
  return text;
}

}  // namespace heavykeys::tools
