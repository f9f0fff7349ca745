// Everything of heavykeys::core. Engines add heavykeys/streaming.hpp and heavykeys/parallel.hpp.
#pragma once

#include "heavykeys/audit.hpp"
#include "heavykeys/error.hpp"
#include "heavykeys/files.hpp"
#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/isa.hpp"
#include "heavykeys/leverage.hpp"
#include "heavykeys/lewis.hpp"
#include "heavykeys/projection.hpp"
#include "heavykeys/row_sampling.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/scan.hpp"
#include "heavykeys/score.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/spec.hpp"
#include "heavykeys/universal_set.hpp"
#include "heavykeys/version.hpp"
