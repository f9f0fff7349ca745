#include <memory>
#include <string>
#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/parallel.hpp"
#include "lib/absorb.hpp"
#include "lib/float_environment.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"
#include "parallel/workers.hpp"

namespace heavykeys::parallel {

namespace {

/// Runs one head's part; an error says which head it was.
template <class Body>
void for_head(std::size_t head, Body body) {
  const std::string prefix = "head " + std::to_string(head) + ": ";
  try {
    body();
  } catch (const InvalidInput& e) {
    detail::rethrow_if_cancelled();  // a report's own error is no head's
    throw InvalidInput(prefix + e.what());
  } catch (const Incompatible& e) {
    detail::rethrow_if_cancelled();
    throw Incompatible(prefix + e.what());
  }
}

}  // namespace

void absorb(std::span<Sketch> sketches, std::span<const Rows> rows, const Options& options) {
  const detail::FloatEnvironment ieee;
  if (sketches.size() != rows.size()) {
    throw InvalidInput(std::to_string(sketches.size()) + " sketches, but rows for " +
                       std::to_string(rows.size()) + " heads");
  }
  const detail::Workers workers = make_workers(options);
  const std::size_t heads = sketches.size();
  std::vector<std::unique_ptr<detail::Absorption>> absorptions(heads);
  const auto run_head = [&](std::size_t h, const detail::Workers& own) {
    for_head(h, [&] {
      absorptions[h] =
          std::make_unique<detail::Absorption>(detail::SketchAccess::state(sketches[h]), rows[h]);
      absorptions[h]->run(own);
    });
  };
  if (heads >= static_cast<std::size_t>(workers.count)) {
    detail::share_tasks("absorb", workers, heads,
                        [&](int, std::size_t h) { run_head(h, detail::serial_workers()); });
  } else {
    detail::Stage stage("absorb", heads);
    for (std::size_t h = 0; h < heads; ++h) {
      run_head(h, workers);
      stage.step();
    }
  }
  for (auto& absorption : absorptions) absorption->commit();
  for (Sketch& sketch : sketches) detail::SketchAccess::state(sketch).maintain();
}

}  // namespace heavykeys::parallel
