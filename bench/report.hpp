// What a benchmark hands over: one JSON document, and a table for people.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/timing.hpp"

namespace heavykeys::bench {

nlohmann::json to_json(const Stats& stats);

/// Seconds, rows per second and GB (10^9 bytes) per second; every figure with median, min and max.
nlohmann::json throughput(const Measured& measured, double rows, double bytes);

/// The table on stderr: a title, a line for each contender, then `notes`, one a line.
/// A rows or bytes of 0 leaves its column out.
void print_table(const std::string& title, const std::vector<Measured>& measured, double rows, double bytes,
                 const std::vector<std::string>& notes);

/// The least time a task can take, and why: "reading the keys".
struct Limit {
  std::string name;
  double seconds = 0;
};

/// One line of the table that scripts/bench closes with (bench/closing_table.py): us, the rival and the
/// limit, with both ratios. Goes into the document's "closing".
nlohmann::json closing_row(const std::string& what, const Measured& ours, const Measured& rival,
                           const Limit& limit);

/// "absorb / ssyrk: 6.1x (5.9 to 6.3)".
std::string ratio_line(const std::string& name, const Stats& ratio);

/// "others used 0.02 processors meanwhile", and a warning when that is enough to spoil the figures.
std::string other_work_line(double processors);

/// main of a benchmark: what `run` returns, or 1 and one line on stderr for what it throws.
int run_program(const char* name, int (*run)(int, char**), int argc, char** argv);

/// Writes to stdout, and to `path` unless it is empty.
void write_json(const nlohmann::json& document, const std::string& path);

}  // namespace heavykeys::bench
