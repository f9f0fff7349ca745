// heavykeys overlap: how alike two results of heavykeys eigen are.
#include <fmt/format.h>

#include "heavykeys/eigen_analysis.hpp"
#include "heavykeys/error.hpp"
#include "tools/component_files.hpp"
#include "tools/summary.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {

void run(const OverlapOptions& options) {
  const PrincipalComponents a = read_components(options.a), b = read_components(options.b);
  if (a.dim != b.dim) {
    throw Incompatible(fmt::format("{}: components of {} elements; those of {} have {}", options.b, b.dim,
                                   options.a, a.dim));
  }
  const std::size_t r = options.components.value_or(components_for(a, 0.9));
  if (r == 0 && !options.components) {
    throw InvalidInput(options.a + ": its components hold less than 90% of the variance; give --components");
  }
  const double shared = overlap(a, b, r);
  const double of_b = captured_variance(a, r, b), of_a = captured_variance(b, r, a);
  if (options.json) {
    const Json json{{"heavykeys", version()},
                    {"verb", "overlap"},
                    {"a", options.a},
                    {"b", options.b},
                    {"components", r},
                    {"overlap", shared},
                    {"variance_of_a_captured_by_b", of_a},
                    {"variance_of_b_captured_by_a", of_b}};
    return write_stdout(to_text(json));
  }
  write_stdout(
      fmt::format("  {:<16} {}\n  {:<16} {:.4f}   1: the same space; unrelated ones: about {:.4f}\n"
                  "  {:<16} {:.4f} of the variance of {}\n  {:<16} {:.4f} of the variance of {}\n",
                  "components", r, "overlap", shared, static_cast<double>(r) / static_cast<double>(a.dim),
                  "the first holds", of_b, options.b, "the second holds", of_a, options.a));
}

}  // namespace heavykeys::tools
