#include "cuda/matrix.hpp"

namespace cuda_tests {

using attention::Case;
using heavykeys::Score;

namespace {

Lie lie(std::size_t turn) {
  constexpr Lie kAll[] = {Lie::bhsd, Lie::bshd, Lie::scattered};
  return kAll[turn % 3];
}

TensorBuffer filled(TensorBuffer tensor, const std::vector<double>& values) {
  tensor.fill(values);
  return tensor;
}

struct Geometry {
  std::size_t batch, heads, group, m, n, d, dv;
};

constexpr Geometry kGeometries[] = {
    {1, 1, 1, 1, 1, 1, 1},        // least
    {1, 1, 1, 6, 5, 3, 2},        // fewer keys than queries: some see none
    {2, 2, 4, 1, 200, 64, 64},    // decoding, grouped queries
    {1, 1, 1, 7, 95, 16, 16},     // a key less than a block,
    {1, 2, 2, 17, 96, 32, 24},    // a block, a strip and two queries
    {1, 1, 1, 33, 97, 33, 65},    // a key, a query and a column more
    {1, 1, 3, 50, 193, 48, 128},  // more lanes than a tile
    {1, 1, 1, 130, 130, 64, 64}, {2, 1, 1, 140, 40, 5, 70},   {1, 1, 1, 40, 300, 128, 32},
    {1, 1, 1, 3, 50, 256, 256},  {1, 1, 8, 20, 120, 100, 36}, {1, 1, 1, 64, 1, 8, 8},
    {1, 1, 1, 300, 300, 8, 9},                           // several tiles, and windows that end within them
    {1, 1, 3, 90, 260, 8, 12},   {1, 1, 1, 5, 0, 4, 4},  // no keys
    {1, 1, 1, 0, 9, 4, 4},                               // no queries
};

/// Masks: none, sinks and a window, causal, both, both of prefixes.
Case make(const Geometry& g, const Score& score, int mask, Dtype dtype, std::size_t turn) {
  support::Random random(1000 + turn);
  Case c;
  c.batch = g.batch;
  c.heads = g.heads;
  c.query_heads = g.heads * g.group;
  c.m = g.m;
  c.n = g.n;
  c.d = g.d;
  c.dv = g.dv;
  c.options.score = score;
  c.options.scale = turn % 3 == 0 ? 1.0 : 0.37;
  c.options.causal = mask >= 2;
  if (mask == 1 || mask >= 3) {
    c.options.sinks = random.below(6);
    c.options.window = random.below(turn % 2 == 0 ? g.n + 3 : 40);
  }
  attention::draw(c, dtype, mask == 4 && g.n > 0, random);
  if (turn % 11 == 0 && mask < 4) c.sets = heavykeys::every_key(c.batch, c.heads, c.n);
  return c;
}

}  // namespace

Tensors::Tensors(const Case& c, Dtype dtype, std::size_t turn)
    : queries(filled({dtype, lie(turn), c.batch, c.query_heads, c.m, c.d}, c.queries)),
      keys(filled({dtype, lie(turn / 3), c.batch, c.heads, c.n, c.d}, c.keys)),
      values(filled({dtype, lie(turn / 2), c.batch, c.heads, c.n, c.dv}, c.values)),
      out(dtype, lie(turn + 1), c.batch, c.query_heads, c.m, c.dv),
      grad_out(filled({dtype, lie(turn / 5), c.batch, c.query_heads, c.m, c.dv}, c.grad_out)),
      by_queries(dtype, lie(turn + 2), c.batch, c.query_heads, c.m, c.d),
      by_keys(dtype, lie(turn / 4), c.batch, c.heads, c.n, c.d),
      by_values(dtype, lie(turn / 7), c.batch, c.heads, c.n, c.dv) {}

AttendSums Cpu::attend(Tensors& t, const KeySets& sets, const AttendOptions& options) {
  return heavykeys::attend(t.queries.view(), t.keys.view(), t.values.view(), sets, options,
                           t.out.mutable_view());
}

void Cpu::attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                          const AttendSums& sums) {
  heavykeys::attend_backward(
      t.queries.view(), t.keys.view(), t.values.view(), sets, options, t.out.view(), sums, t.grad_out.view(),
      {t.by_queries.mutable_view(), t.by_keys.mutable_view(), t.by_values.mutable_view()});
}

std::vector<std::vector<std::byte>> bytes_of(Engine& engine, const Case& c, Dtype dtype, std::size_t turn) {
  Tensors t(c, dtype, turn);
  const AttendSums sums = engine.attend(t, c.sets, c.options);
  engine.attend_backward(t, c.sets, c.options, sums);
  std::vector<std::vector<std::byte>> all{t.out.bytes(), t.by_queries.bytes(), t.by_keys.bytes(),
                                          t.by_values.bytes()};
  for (const auto* numbers : {&sums.shift, &sums.sum}) {
    const auto* first = reinterpret_cast<const std::byte*>(numbers->data());
    all.emplace_back(first, first + numbers->size() * sizeof(double));
  }
  return all;
}

std::size_t for_cases(std::size_t step, const std::function<void(const Case&, Dtype, std::size_t)>& visit) {
  const std::vector<Score> scores = {Score::softmax(0.125),
                                     Score::power(2),
                                     Score::power(3),
                                     Score::power(2.5),
                                     Score::power(6),
                                     Score::power(0.5),
                                     Score::expressive(),
                                     Score::polynomial({0.5, 1, 2}),
                                     Score::polynomial({0, 0.25, 0, 0, 1})};
  constexpr std::size_t kShapes = std::size(kGeometries), kShapesEach = 3;
  std::size_t turn = 0, count = 0;
  for (const Score& score : scores) {
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16, Dtype::f16, Dtype::f64}) {
      for (int mask = 0; mask < 5; ++mask) {
        for (std::size_t i = 0; i < kShapesEach; ++i, ++turn) {
          if (turn % step != 0) continue;
          // 17 shapes and runs of 15 turns: every mask, score and dtype meets every shape.
          visit(make(kGeometries[turn % kShapes], score, mask, dtype, turn), dtype, turn);
          ++count;
        }
      }
    }
  }
  return count;
}

}  // namespace cuda_tests
