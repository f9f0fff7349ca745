// The kernels of cuda/, run on the host: the bytes of attend and attend_backward, whatever the order of
// threads.
#include <catch2/catch.hpp>

#include "cuda/emulated.hpp"
#include "heavykeys/error.hpp"

using attention::Case;
using namespace cuda_tests;

namespace {

void compare(Threads threads, std::size_t step, std::size_t least) {
  Cpu cpu;
  Emulated kernels(threads);
  const std::size_t count = for_cases(step, [&](const Case& c, Dtype dtype, std::size_t turn) {
    INFO(turn << ": " << attention::describe(c) << " " << name_of(dtype));
    const auto expected = bytes_of(cpu, c, dtype, turn), found = bytes_of(kernels, c, dtype, turn);
    const char* names[] = {"out", "by queries", "by keys", "by values", "shift", "sum"};
    REQUIRE(found.size() == std::size(names));
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO(names[i]);
      CHECK((found[i] == expected[i]));
    }
    CHECK_NOTHROW(heavykeys::cuda::detail::require_sound(kernels.status()));
  });
  CHECK(count >= least);
}

}  // namespace

TEST_CASE("every score, dtype and mask: the bytes of the CPU") { compare(Threads::ascending, 1, 540); }

TEST_CASE("the order of threads within a phase changes no byte") {
  compare(Threads::descending, 23, 20);
  compare(Threads::shuffled, 29, 18);
}

TEST_CASE("the threads of a block may run side by side") {
  // Under ThreadSanitizer (preset tsan) this says that no barrier is missing.
  compare(Threads::concurrent, 71, 8);
}

namespace {

/// What `check` would say after a forward call.
std::string complaint(const Case& c, const std::function<void(Case&)>& spoil) {
  Case spoilt = c;
  spoil(spoilt);
  Tensors t(spoilt, Dtype::f32, 0);
  Emulated kernels;
  kernels.attend(t, spoilt.sets, spoilt.options);
  try {
    heavykeys::cuda::detail::require_sound(kernels.status());
  } catch (const heavykeys::InvalidInput& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("NaN, Inf and scores that are not finite are named, where they are used") {
  support::Random random(3);
  Case c;
  c.batch = 2;
  c.heads = 2;
  c.query_heads = 4;
  c.m = 40;
  c.n = 150;
  c.d = 20;
  c.dv = 30;
  attention::draw(c, Dtype::f32, false, random);
  c.sets = heavykeys::every_key(2, 2, 150);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(complaint(c, [](Case&) {}).empty());
  CHECK(complaint(c, [&](Case& s) { s.queries[((1 * 4 + 3) * 40 + 39) * 20 + 19] = nan; }) ==
        "queries: batch 1, head 3: NaN or Inf at row 39");
  CHECK(complaint(c, [&](Case& s) { s.keys[((1 * 2 + 0) * 150 + 149) * 20] = nan; }) ==
        "keys: batch 1, head 0: NaN or Inf at row 149");
  CHECK(complaint(c, [&](Case& s) { s.values[((0 * 2 + 1) * 150 + 77) * 30 + 29] = nan; }) ==
        "values: batch 0, head 1: NaN or Inf at row 77");
  CHECK(complaint(c, [&](Case& s) {
          for (std::size_t i = 0; i < 20; ++i) {
            s.queries[((0 * 4 + 1) * 40 + 7) * 20 + i] = 1e20;
            s.keys[((0 * 2 + 0) * 150 + 3) * 20 + i] = 1e20;
          }
        }) == "queries: batch 0, head 1: scores that are not finite at row 7");
  CHECK(complaint(c, [&](Case& s) {
          s.sets.keys.pop_back();  // key 149 of the last head
          --s.sets.indptr.back();
          s.keys[((1 * 2 + 1) * 150 + 149) * 20] = nan;
        }).empty());
}

TEST_CASE("a NaN in grad_out reaches the gradients, as on the CPU") {
  support::Random random(4);
  Case c;
  c.m = c.n = 130;  // keys 96 and on see nothing of the first strips
  c.options.causal = true;
  c.d = 6;
  c.dv = 5;
  attention::draw(c, Dtype::f32, false, random);
  c.sets = heavykeys::every_key(1, 1, 130);
  c.grad_out[3 * 5 + 2] = std::numeric_limits<double>::quiet_NaN();
  Tensors of_cpu(c, Dtype::f32, 0), of_kernels(c, Dtype::f32, 0);
  Cpu cpu;
  Emulated kernels;
  cpu.attend_backward(of_cpu, c.sets, c.options, cpu.attend(of_cpu, c.sets, c.options));
  kernels.attend_backward(of_kernels, c.sets, c.options, kernels.attend(of_kernels, c.sets, c.options));
  const auto compare_nan = [](const TensorBuffer& a, const TensorBuffer& b) {
    const auto x = a.values(), y = b.values();
    std::size_t nans = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK((x[i] == y[i] || (x[i] != x[i] && y[i] != y[i])));
      if (x[i] != x[i]) ++nans;
    }
    CHECK(nans > 0);
  };
  compare_nan(of_kernels.by_queries, of_cpu.by_queries);
  compare_nan(of_kernels.by_keys, of_cpu.by_keys);
  compare_nan(of_kernels.by_values, of_cpu.by_values);
  CHECK_NOTHROW(heavykeys::cuda::detail::require_sound(kernels.status()));
}
