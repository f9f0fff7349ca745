// What the opaque handles of heavykeys.h are.
#pragma once

#include <string>
#include <utility>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/heavykeys.h"
#include "heavykeys/scan.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/universal_set.hpp"

struct heavykeys_sketch {
  explicit heavykeys_sketch(heavykeys::Sketch sketch)
      : value(std::move(sketch)), score(value.spec().score.name()) {}

  heavykeys::Sketch value;
  std::string score;  // heavykeys_sketch_spec points to it
};

struct heavykeys_universal_set {
  heavykeys::UniversalSet value;
};

struct heavykeys_entries {
  heavykeys::HeavyEntries value;
};

struct heavykeys_causal {
  heavykeys::CausalHeavy value;
};

struct heavykeys_scan {
  heavykeys::Scan value;
};
