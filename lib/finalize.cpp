#include "heavykeys/error.hpp"
#include "heavykeys/universal_set.hpp"
#include "lib/block_batch.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/leverage.hpp"
#include "lib/scaled_gram.hpp"
#include "lib/sketch_state.hpp"
#include "lib/universal_set_access.hpp"

namespace heavykeys {

double UniversalSet::size_bound() const { return static_cast<double>(rank_) / spec_.epsilon; }

std::span<const double> UniversalSet::keys() const& {
  return panel_ ? std::span<const double>(panel_->raw) : std::span<const double>();
}

UniversalSet finalize(const Sketch& sketch) {
  const detail::FloatEnvironment ieee;
  using detail::UniversalSetAccess;
  const detail::SketchState& state = detail::SketchAccess::state(sketch);
  if (const std::string gap = state.coverage.first_gap(); !gap.empty()) {
    throw InvalidInput("rows were lost: " + gap + " never arrived");
  }
  detail::current_isa();
  // Without gaps, waiting rows are the last, short block of their stream.
  detail::BlockBatch last(state.spec, state.filter);
  for (const auto& [first, run] : state.fragments) last.add(run.view(first.row, first.stream));
  detail::ExactGram gram = state.gram;
  gram.add(last.gram);
  detail::Candidates all = state.candidates;
  all.append(last.candidates);
  all = all.sorted();
  const detail::Leverages decided =
      detail::decide_leverages(gram, all.rows, state.spec.epsilon, detail::Effort::thorough);
  all.keep(decided.kept);

  UniversalSet set;
  UniversalSetAccess::spec(set) = state.spec;
  UniversalSetAccess::row_count(set) = state.coverage.row_count();
  UniversalSetAccess::rank(set) = decided.rank;
  UniversalSetAccess::ids(set) = all.ids;
  UniversalSetAccess::leverage(set) = decided.tau;
  std::vector<int> scale = detail::equilibration(gram);
  auto panel = std::make_shared<detail::KeyPanel>(state.spec.dim, all.size());
  std::vector<double> row(state.spec.dim);
  for (std::size_t u = 0; u < all.size(); ++u) {
    all.rows.read(u, row.data());
    panel->append(all.ids[u], row.data(), scale);
  }
  UniversalSetAccess::panel(set) = std::move(panel);
  UniversalSetAccess::normalizer(set) =
      std::make_shared<const detail::Normalizer>(std::move(gram), std::move(scale));
  return set;
}

}  // namespace heavykeys
