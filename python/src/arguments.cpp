#include "python/src/arguments.hpp"

#include <algorithm>

#include "heavykeys/error.hpp"

namespace heavykeys::python {

Score score_of(nb::handle score) {
  if (nb::isinstance<nb::str>(score)) return Score::from_name(nb::cast<std::string>(score));
  if (nb::isinstance<Score>(score)) return nb::cast<const Score&>(score);
  throw nb::type_error(("score: a heavykeys.Score or the name of one (\"power:2\") is needed, not " +
                        nb::cast<std::string>(nb::inst_name(score)))
                           .c_str());
}

Mode mode_of(std::string mode) {
  const std::string given = mode;
  std::replace(mode.begin(), mode.end(), '_', '-');
  if (mode == "no-false-negatives") return Mode::no_false_negatives;
  if (mode == "no-false-positives") return Mode::no_false_positives;
  throw InvalidInput("mode is \"" + given +
                     "\"; there are \"no-false-negatives\" and \"no-false-positives\"");
}

std::vector<std::string> engines() {
  std::vector<std::string> names{"streaming"};
#ifdef HEAVYKEYS_TBB
  names.emplace_back("tbb");
#endif
#ifdef HEAVYKEYS_OPENMP
  names.emplace_back("openmp");
#endif
  return names;
}

std::optional<parallel::Options> threads_of(int threads, const std::string& engine) {
  const std::vector<std::string> names = engines();
  const std::string& chosen = engine != "auto" ? engine : names.size() > 1 ? names[1] : names[0];
  if (std::find(names.begin(), names.end(), chosen) == names.end()) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    throw InvalidInput("engine \"" + engine + "\" is not in this build; available: " + list);
  }
  if (chosen == "streaming") return std::nullopt;
  return parallel::Options{chosen == "tbb" ? parallel::Runtime::tbb : parallel::Runtime::openmp, threads};
}

Spec spec_of(std::size_t dim, double epsilon, nb::handle score, std::optional<int> grid_bits,
             std::size_t block_rows, std::size_t sample_rows, std::uint64_t seed) {
  Spec spec;
  spec.dim = dim;
  spec.epsilon = epsilon;
  spec.score = score_of(score);
  spec.grid_bits = grid_bits.value_or(spec.grid_bits);
  spec.block_rows = block_rows;
  spec.sample_rows = sample_rows;
  spec.seed = seed;
  return spec;
}

}  // namespace heavykeys::python
