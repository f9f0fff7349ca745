// Follows a stream of keys in chunks, as a decoder would produce them, and asks now and then which could
// matter.
//
//   stream [ROWS]     default 100,000 keys of 64 columns, with 5 planted outliers
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"

int main(int argc, char** argv) {
  const std::size_t dim = 64, chunk = 1000;
  const std::size_t total = argc > 1 ? static_cast<std::size_t>(std::strtoull(argv[1], nullptr, 10)) : 100000;
  if (total == 0) {
    std::fprintf(stderr, "usage: stream [ROWS]\n");
    return 2;
  }

  heavykeys::Spec spec;
  spec.dim = dim;
  spec.epsilon = 0.05;
  heavykeys::Sketch sketch(spec);

  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> keys(chunk * dim);
  for (std::size_t first = 0; first < total; first += chunk) {
    const std::size_t count = std::min(chunk, total - first);
    for (float& k : keys) k = normal(random);
    if (first % (total / 5 + 1) < chunk) {  // a key far longer than the rest
      for (std::size_t c = 0; c < dim; ++c) keys[c] *= 100.0f;
    }
    heavykeys::parallel::absorb(sketch, heavykeys::rows(keys.data(), count, dim, first));
  }

  const heavykeys::UniversalSet set = heavykeys::finalize(sketch);
  std::printf("%llu keys, of which %zu can reach weight %g (never more than %g)\n",
              static_cast<unsigned long long>(set.row_count()), set.size(), spec.epsilon, set.size_bound());
  for (std::size_t u = 0; u < set.size(); ++u) {
    std::printf("  row %llu: at most %.4f of any query's attention\n",
                static_cast<unsigned long long>(set.ids()[u].row), set.leverage()[u]);
  }

  // The query that gives a key all it can get: any query along it will do here.
  if (set.size() > 0) {
    const heavykeys::HeavyEntries heavy =
        heavykeys::heavy_entries(set, heavykeys::rows(set.keys().data(), 1, dim));
    for (std::size_t e = 0; e < heavy.keys.size(); ++e) {
      std::printf("  the query k_%llu gives row %llu the weight %.6f\n",
                  static_cast<unsigned long long>(set.ids()[0].row),
                  static_cast<unsigned long long>(heavy.keys[e].row), heavy.weights[e]);
    }
  }
  return 0;
}
