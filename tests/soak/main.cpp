// heavykeys_tests_soak: a stream of any length through one sketch. Memory stays flat, and U is what exact
// rational arithmetic says, from a Gram matrix that is counted apart.
//
//   heavykeys_tests_soak [--rows N] [--threads T]     default: 20 million rows, 1 thread (streaming)
//
// Rows are signs but for 2,000 planted rows of integers, whose leverages lie on both sides of epsilon. No row
// of signs can have epsilon: its leverage is at most 16 / lambda_min(G).
#include <sys/resource.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"
#include "soak/sign_stream.hpp"

namespace {

using Integer = boost::multiprecision::cpp_int;
using Rational = boost::multiprecision::cpp_rational;
using soak::kDim;
using soak::SignStream;

constexpr std::size_t kPush = 1 << 16;

std::size_t peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss);
}

/// det(G) and det(G) G^-1, integers, by elimination without pivoting: G is positive definite.
struct Adjugate {
  Integer determinant = 1;
  std::vector<std::vector<Integer>> entries;

  explicit Adjugate(const SignStream& stream) {
    std::vector<std::vector<Rational>> a(kDim, std::vector<Rational>(2 * kDim, 0));
    for (std::size_t i = 0; i < kDim; ++i) {
      for (std::size_t j = 0; j < kDim; ++j) a[i][j] = stream.gram(i, j);
      a[i][kDim + i] = 1;
    }
    Rational product = 1;
    for (std::size_t k = 0; k < kDim; ++k) {
      const Rational pivot = a[k][k];
      product *= pivot;
      for (Rational& x : a[k]) x /= pivot;
      for (std::size_t i = 0; i < kDim; ++i) {
        if (i == k) continue;
        const Rational factor = a[i][k];
        for (std::size_t j = 0; j < 2 * kDim; ++j) a[i][j] -= factor * a[k][j];
      }
    }
    determinant = numerator(product);
    for (const auto& row : a) {
      auto& out = entries.emplace_back();
      for (std::size_t j = kDim; j < 2 * kDim; ++j) out.push_back(numerator(Rational(row[j] * product)));
    }
  }

  /// k^T G^-1 k >= epsilon.
  bool is_heavy(const soak::Row& row, const Rational& epsilon) const {
    Integer tau = 0;
    for (std::size_t i = 0; i < kDim; ++i) {
      Integer sum = 0;
      for (std::size_t j = 0; j < kDim; ++j) sum += entries[i][j] * static_cast<int>(row[j]);
      tau += sum * static_cast<int>(row[i]);
    }
    return tau * denominator(epsilon) >= numerator(epsilon) * determinant;
  }
};

/// Ids with leverage >= epsilon, exactly. Empty when rows of signs cannot be ruled out.
std::vector<std::uint64_t> heavy(const SignStream& stream, double epsilon) {
  for (std::size_t i = 0; i < kDim; ++i) {  // Gershgorin: lambda_min >= G_ii - sum of the others
    std::int64_t least = stream.gram(i, i);
    for (std::size_t j = 0; j < kDim; ++j) least -= i == j ? 0 : std::abs(stream.gram(i, j));
    if (least <= 0 || static_cast<double>(least) * epsilon <= 16.0 * 1.0001) return {};
  }
  const Adjugate adjugate(stream);
  std::vector<std::uint64_t> ids;
  for (const auto& one : stream.planted()) {
    if (adjugate.is_heavy(one.row, Rational(epsilon))) ids.push_back(one.id);
  }
  return ids;
}

struct Options {
  std::uint64_t rows = 20'000'000;
  int threads = 1;
};

Options read(int argc, char** argv) {
  Options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--rows") o.rows = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::string(argv[i]) == "--threads") o.threads = std::atoi(argv[i + 1]);
  }
  o.rows = (o.rows + kPush - 1) / kPush * kPush;
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = read(argc, argv);
  // Squares of entries up to 300 are 30,000 on average: G is about (rows + 2000 * 30,000) times the identity,
  // |k|^2 about 16 * 30,000. Half of the planted rows have epsilon.
  const double epsilon = 480'000.0 / (static_cast<double>(options.rows) + 60e6);
  SignStream stream(options.rows, 2000, 300, 1);
  heavykeys::Sketch sketch({.dim = kDim, .epsilon = epsilon});
  std::vector<float> push(kPush * kDim);
  std::size_t early = 0, candidates = 0, bytes = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t at = 0; at < options.rows; at += kPush) {
    stream.fill(push.data(), kPush);
    const heavykeys::Rows rows = heavykeys::rows(push.data(), kPush, kDim, at);
    if (options.threads == 1) {
      heavykeys::streaming::absorb(sketch, rows);
    } else {
      heavykeys::parallel::absorb(sketch, rows, {.threads = options.threads});
    }
    candidates = std::max(candidates, sketch.candidate_count());
    bytes = std::max(bytes, sketch.memory_bytes());
    if (at < options.rows / 10) early = peak_kib();
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::size_t late = peak_kib();
  const heavykeys::UniversalSet set = finalize(sketch);
  const std::vector<std::uint64_t> want = heavy(stream, epsilon);
  std::vector<std::uint64_t> got;
  for (const heavykeys::KeyId& id : set.ids()) got.push_back(id.row);
  std::printf("%llu rows x %zu in %.0f s (%.1f million a second, made and absorbed), %d thread(s)\n",
              static_cast<unsigned long long>(options.rows), kDim, took,
              static_cast<double>(options.rows) / took * 1e-6, options.threads);
  std::printf("epsilon %.3g: %zu of %zu planted rows in U, exact arithmetic says %zu\n", epsilon, got.size(),
              stream.planted().size(), want.size());
  std::printf(
      "peak memory after a tenth %zu KiB, at the end %zu KiB; sketch at most %zu KiB, %zu candidates\n",
      early, late, bytes / 1024, candidates);
  bool good = true;
  const auto expect = [&](bool held, const char* what) {
    if (!held) std::printf("FAILED: %s\n", what);
    good = good && held;
  };
  expect(got == want, "U is what exact arithmetic says");
  expect(want.size() > 100 && want.size() < stream.planted().size() - 100, "planted rows lie on both sides");
  expect(late <= early + 2048, "memory is flat");
  expect(sketch.row_count() == options.rows, "every row was counted");
  return good ? 0 : 1;
}
