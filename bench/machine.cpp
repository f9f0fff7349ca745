#include "bench/machine.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/timing.hpp"

// Integer sums vectorise without -ffast-math, and an add a cycle is far above any memory.
#define HEAVYKEYS_BENCH_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

namespace heavykeys::bench {
namespace {

constexpr std::size_t page_words = 512;

HEAVYKEYS_BENCH_CLONES std::uint64_t sum_one_stream(const std::uint64_t* words, std::size_t pages) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < pages * page_words; ++i) sum += words[i];
  return sum;
}

// Hardware prefetchers stop at 4 KiB boundaries; asking for the next pages keeps them busy across.
HEAVYKEYS_BENCH_CLONES std::uint64_t sum_prefetched(const std::uint64_t* words, std::size_t pages) {
  std::uint64_t sum = 0;
  for (std::size_t p = 0; p < pages; ++p) {
    const std::uint64_t* page = words + p * page_words;
    for (std::size_t line = 0; line < page_words; line += 8) {
      __builtin_prefetch(page + line + 2 * page_words);
      for (std::size_t i = 0; i < 8; ++i) sum += page[line + i];
    }
  }
  return sum;
}

HEAVYKEYS_BENCH_CLONES std::uint64_t sum_four_streams(const std::uint64_t* words, std::size_t pages) {
  const std::size_t quarter = pages / 4 * page_words;
  std::uint64_t sum = 0;
  for (std::size_t line = 0; line < quarter; line += 8) {
    for (std::size_t stream = 0; stream < 4; ++stream) {
      for (std::size_t i = 0; i < 8; ++i) sum += words[stream * quarter + line + i];
    }
  }
  for (std::size_t i = 4 * quarter; i < pages * page_words; ++i) sum += words[i];
  return sum;
}

using Reader = std::uint64_t (*)(const std::uint64_t*, std::size_t);
struct ReadPattern {
  const char* name;
  Reader read;
};
constexpr std::array<ReadPattern, read_pattern_count> patterns = {
    {{"one stream", sum_one_stream}, {"prefetched", sum_prefetched}, {"four streams", sum_four_streams}}};

// The value of the first line of `path` that starts with `key`, after its colon.
std::string line_of(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const std::size_t colon = line.find(':');
    return colon + 2 <= line.size() ? line.substr(colon + 2) : "";
  }
  return "";
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Seconds that processors were not idle since boot, all processes together.
double busy_seconds() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0;
  file >> cpu >> user >> nice >> system;
  return (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double own_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&now, &parts);
  std::array<char, 32> text = {};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace

void run_on_threads(int threads, const std::function<void(int)>& work) {
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(work, i);
  work(0);
}

int allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

OtherWork::OtherWork() : all_start_(busy_seconds()), own_start_(own_seconds()), start_(now_seconds()) {}

double OtherWork::processors() const {
  const double others = (busy_seconds() - all_start_) - (own_seconds() - own_start_);
  return std::max(0.0, others / (now_seconds() - start_));
}

nlohmann::json describe_machine() {
  std::istringstream flags(line_of("/proc/cpuinfo", "flags"));
  const std::set<std::string> has(std::istream_iterator<std::string>(flags), {});
  nlohmann::json isa = nlohmann::json::array();
  for (const char* name : {"avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
                           "amx_int8", "amx_bf16"}) {
    if (has.count(name) != 0) isa.push_back(name);
  }
  return {{"cpu", line_of("/proc/cpuinfo", "model name")},
          {"isa", isa},
          {"allowed_cpus", allowed_cpus()},
          {"l2", first_line("/sys/devices/system/cpu/cpu0/cache/index2/size")},
          {"l3", first_line("/sys/devices/system/cpu/cpu0/cache/index3/size")},
          {"load", first_line("/proc/loadavg")},
          {"huge_pages", first_line("/sys/kernel/mm/transparent_hugepage/enabled")},
          {"compiler", __VERSION__},
          {"date", utc_now()}};
}

const char* read_pattern_name(int pattern) { return patterns[static_cast<std::size_t>(pattern)].name; }

std::uint64_t read_all(const void* data, std::size_t bytes, int threads, int pattern) {
  const auto* words = static_cast<const std::uint64_t*>(data);
  const std::size_t pages = bytes / (page_words * sizeof(std::uint64_t));
  const auto count = static_cast<std::size_t>(threads);
  std::vector<std::uint64_t> sums(count);
  run_on_threads(threads, [&](int index) {
    const auto i = static_cast<std::size_t>(index);
    const std::size_t begin = pages * i / count;
    const std::size_t end = pages * (i + 1) / count;
    sums[i] = patterns[static_cast<std::size_t>(pattern)].read(words + begin * page_words, end - begin);
  });
  std::uint64_t sum = 0;
  for (const std::uint64_t part : sums) sum += part;
  return sum;
}

int best_read_pattern(const void* data, std::size_t bytes, int threads) {
  int best = 0;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (int trial = 0; trial < 3 * read_pattern_count; ++trial) {
    const int pattern = trial % read_pattern_count;
    const double seconds = seconds_of([&] { read_all(data, bytes, threads, pattern); });
    if (seconds < best_seconds) {
      best_seconds = seconds;
      best = pattern;
    }
  }
  return best;
}

Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
  constexpr std::size_t huge_page = std::size_t{1} << 21;
  data_ = std::aligned_alloc(huge_page, (bytes + huge_page - 1) / huge_page * huge_page);
  if (data_ == nullptr) throw std::bad_alloc();
  madvise(data_, bytes, MADV_HUGEPAGE);  // advice only: where it is refused, the figures are of small pages
  std::fill_n(static_cast<char*>(data_), bytes, '\0');
}

Buffer::~Buffer() { std::free(data_); }

}  // namespace heavykeys::bench
