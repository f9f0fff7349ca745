// What can this machine do at most? Reading, copying, multiply-adds: one thread, and all of them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>

#include "bench/machine.hpp"
#include "bench/peaks.hpp"
#include "bench/report.hpp"
#include "bench/timing.hpp"

namespace heavykeys::bench {
namespace {

struct Options {
  std::size_t megabytes = 1024;
  int threads = 2, repeats = 7;
  std::string json;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("The most this machine's memory and vector units do, one thread and all");
  app.add_option("--megabytes", options.megabytes, "read once; far more than the caches hold")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--repeats", options.repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--json", options.json, "write the JSON to this file too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const Buffer data(options.megabytes << 20);
  const auto* bytes = static_cast<const char*>(data.data());
  const std::size_t half = data.bytes() / 2;
  std::uint64_t sum = 0;
  const auto read = [&](int threads) {
    const int pattern = best_read_pattern(bytes, half, threads);
    return Contender{fmt::format("read, threads: {}", threads), options.repeats, [&, threads, pattern] {
                       return seconds_of([&] { sum += read_all(bytes, half, threads, pattern); });
                     }};
  };
  const Contender copy = {"copy, threads: 1", options.repeats, [&] {
                            return seconds_of([&] { std::memcpy(data.halves() + half / 2, bytes, half); });
                          }};
  const OtherWork others;
  const std::vector<Measured> measured = interleave({read(1), read(options.threads), copy});
  nlohmann::json document = {{"benchmark", "limits"},
                             {"machine", describe_machine()},
                             {"processors_busy_with_others", others.processors()},
                             {"read_sum", sum},
                             {"case", {{"bytes", half}, {"threads", options.threads}}},
                             {"peaks", {measure_peaks(1), measure_peaks(options.threads)}}};
  const auto amount = static_cast<double>(half);
  for (const Measured& line : measured) document["results"].push_back(throughput(line, 0, amount));
  print_table("limits of this machine", measured, 0, amount,
              {peaks_line(document["peaks"][0]), peaks_line(document["peaks"][1]),
               other_work_line(document["processors_busy_with_others"])});
  write_json(document, options.json);
  return 0;
}

}  // namespace
}  // namespace heavykeys::bench

int main(int argc, char** argv) {
  return heavykeys::bench::run_program("limits", heavykeys::bench::run, argc, argv);
}
