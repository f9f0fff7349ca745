// Replays kept inputs, without libFuzzer: heavykeys_tests_fuzz_replay CORPUS, or TARGET FILE...
//
// A target without inputs is a failure: a test that runs nothing cannot fail.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/target.hpp"

namespace {

namespace fs = std::filesystem;

struct Target {
  const char* name;
  void (*run)(fuzz::Bytes);
};

constexpr Target kTargets[] = {{"from_bytes", fuzz::from_bytes},
                               {"components", fuzz::components},
                               {"npy", fuzz::npy},
                               {"safetensors", fuzz::safetensors},
                               {"command", fuzz::command},
                               {"schedules", fuzz::every_schedule}};

/// Milliseconds it took.
double replay(const Target& target, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.good() && !file.eof()) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    std::exit(1);
  }
  const auto start = std::chrono::steady_clock::now();
  target.run(std::as_bytes(std::span(bytes)));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

bool replay_folder(const Target& target, const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_directory(folder)) {
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  double total = 0.0, slowest = 0.0;
  for (const fs::path& file : files) {
    std::fprintf(stderr, "%s\r", file.filename().c_str());  // the last line, should it crash
    const double took = replay(target, file);
    total += took;
    slowest = std::max(slowest, took);
  }
  std::printf("%-12s %4zu inputs, %8.1f ms, the slowest %.1f ms\n", target.name, files.size(), total,
              slowest);
  return !files.empty();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: heavykeys_tests_fuzz_replay CORPUS, or TARGET FILE...\n");
    return 2;
  }
  for (const Target& target : kTargets) {
    if (argc == 2 || std::strcmp(argv[1], target.name) != 0) continue;
    for (int i = 2; i < argc; ++i) std::printf("%s: %.1f ms\n", argv[i], replay(target, argv[i]));
    return 0;
  }
  bool every = true;
  for (const Target& target : kTargets) every &= replay_folder(target, fs::path(argv[1]) / target.name);
  if (!every) std::fprintf(stderr, "a target had no input in %s\n", argv[1]);
  return every ? 0 : 1;
}
