// The structs that callers fill in, as the library's own values. They may be shorter or longer than ours: the
// caller's header was of another release.
#pragma once

#include <optional>
#include <string>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/heavykeys.h"
#include "heavykeys/monitor.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/spec.hpp"

namespace heavykeys::c {

/// Throws InvalidInput for a field out of its type's range; what the values mean, the Spec's users check.
Spec spec_of(const heavykeys_spec* spec);

/// All but struct_size; `score` is not copied. Throws InvalidInput unless `to` was initialised.
void fill_in(heavykeys_spec* to, const Spec& spec, const char* score);

Mode mode_of(heavykeys_mode mode);

/// The view, safe to be read: its data is there and aligned, and its extent passes no integer. Throws
/// InvalidInput, naming `name`, otherwise.
Rows rows_of(const heavykeys_rows* rows, const char* name);

/// How a call runs: on which threads (none: this one alone), and watched by whom while this lives.
class Run {
 public:
  explicit Run(const heavykeys_options* options);
  const std::optional<parallel::Options>& threads() const { return threads_; }

 private:
  std::optional<parallel::Options> threads_;
  std::optional<Monitor> monitor_;
};

}  // namespace heavykeys::c
