#include "bench/distributed_faults.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

namespace heavykeys::bench {

int faults_of(const nlohmann::json& size) {
  int faults = 0;
  const auto fault = [&](const nlohmann::json& rank, const std::string& what) {
    std::fprintf(stderr, "distributed: rows %s, rank %s: %s\n", size["rows"].dump().c_str(),
                 rank["rank"].dump().c_str(), what.c_str());
    ++faults;
  };
  for (const nlohmann::json& rank : size["ranks"]) {
    if (!rank.value("same_bytes", true)) fault(rank, "ranks hold different bytes");
    if (!rank.value("as_one_rank", true)) fault(rank, "one rank alone makes other bytes");
    for (const nlohmann::json& term : rank.value("words", nlohmann::json::array())) {
      if (term["out"] > term["bound"] || term["in"] > term["bound"])
        fault(rank, "over its bound: " + term.dump());
    }
  }
  return faults;
}

int faults_between(const nlohmann::json& first, const nlohmann::json& other) {
  int faults = 0;
  const auto compare = [&](const std::string& what, double x, double y) {
    if (std::max(x, y) <= 1.01 * std::min(x, y)) return;
    std::fprintf(stderr, "distributed: %s: %.0f words for %s rows, %.0f for %s\n", what.c_str(), x,
                 first["rows"].dump().c_str(), y, other["rows"].dump().c_str());
    ++faults;
  };
  double out[2] = {0, 0};
  for (std::size_t r = 0; r < first["ranks"].size(); ++r) {
    const nlohmann::json &a = first["ranks"][r], &b = other["ranks"][r];
    if (a["universal_set"] != b["universal_set"] || a["waiting"] != b["waiting"]) {
      std::fprintf(stderr,
                   "distributed: sizes are not comparable, their sets or their open blocks differ in size\n");
      return 1;
    }
    if (!a.contains("words")) continue;
    compare("in to rank " + std::to_string(r), a["words"].back()["in"], b["words"].back()["in"]);
    out[0] += a["words"].back()["out"].get<double>();
    out[1] += b["words"].back()["out"].get<double>();
  }
  compare("out of all ranks", out[0], out[1]);
  return faults;
}

}  // namespace heavykeys::bench
