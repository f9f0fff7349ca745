#include "bench/report.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace heavykeys::bench {

nlohmann::json to_json(const Stats& stats) {
  return {{"median", stats.median}, {"min", stats.min}, {"max", stats.max}};
}

nlohmann::json throughput(const Measured& measured, double rows, double bytes) {
  const Stats seconds = measured.stats();
  const auto rate = [&](double amount) {
    return to_json(Stats{amount / seconds.median, amount / seconds.max, amount / seconds.min});
  };
  nlohmann::json result = {
      {"name", measured.name}, {"seconds", to_json(seconds)}, {"each_seconds", measured.seconds}};
  if (rows > 0) result["rows_per_s"] = rate(rows);
  if (bytes > 0) result["gb_per_s"] = rate(bytes * 1e-9);
  return result;
}

nlohmann::json closing_row(const std::string& what, const Measured& ours, const Measured& rival,
                           const Limit& limit) {
  const Stats seconds = ours.stats();
  return {{"what", what},
          {"seconds", to_json(seconds)},
          {"rival", rival.name},
          {"rival_seconds", to_json(rival.stats())},
          {"ratio", to_json(speedup(ours, rival))},
          {"limit", limit.name},
          {"limit_seconds", limit.seconds},
          {"of_limit", limit.seconds / seconds.median}};
}

void print_table(const std::string& title, const std::vector<Measured>& measured, double rows, double bytes,
                 const std::vector<std::string>& notes) {
  std::fprintf(stderr, "%s\n%-44s %10s %10s %10s", title.c_str(), "", "median s", "min s", "max s");
  if (rows > 0) std::fprintf(stderr, " %10s", "Mrows/s");
  if (bytes > 0) std::fprintf(stderr, " %8s", "GB/s");
  std::fprintf(stderr, "\n");
  for (const Measured& line : measured) {
    const Stats seconds = line.stats();
    std::fprintf(stderr, "%-44s %10.4g %10.4g %10.4g", line.name.c_str(), seconds.median, seconds.min,
                 seconds.max);
    if (rows > 0) std::fprintf(stderr, " %10.2f", rows / seconds.median * 1e-6);
    if (bytes > 0) std::fprintf(stderr, " %8.2f", bytes / seconds.median * 1e-9);
    std::fprintf(stderr, "\n");
  }
  for (const std::string& note : notes) std::fprintf(stderr, "  %s\n", note.c_str());
}

std::string ratio_line(const std::string& name, const Stats& ratio) {
  std::array<char, 160> text = {};
  std::snprintf(text.data(), text.size(), "%s: %.3gx (%.3g to %.3g)", name.c_str(), ratio.median, ratio.min,
                ratio.max);
  return text.data();
}

std::string other_work_line(double processors) {
  std::array<char, 120> text = {};
  std::snprintf(text.data(), text.size(), "other processes kept %.2f processors busy meanwhile%s", processors,
                processors > 0.1 ? ": DO NOT QUOTE these figures" : "");
  return text.data();
}

int run_program(const char* name, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

void write_json(const nlohmann::json& document, const std::string& path) {
  std::cout << document.dump(2) << std::endl;
  if (path.empty()) return;
  std::ofstream file(path);
  file << document.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace heavykeys::bench
