// One mistake of each kind that a sanitizer is there for, by name. A run that reports none of them was no
// check.
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <thread>

namespace {

// Not known to the compiler, which would fold the mistake away or refuse it.
volatile int g_nine = 9;

int read_past_the_end() {
  const auto array = std::make_unique<int[]>(8);
  return array[static_cast<std::size_t>(g_nine)];
}

int overflow_a_sum() {
  const int great = std::numeric_limits<int>::max() - 1;
  return great + g_nine;
}

int count_on_two_threads() {
  int count = 0;
  const auto add = [&] {
    for (int i = 0; i < g_nine * 1000; ++i) ++count;
  };
  std::thread other(add);
  add();
  other.join();
  return count;
}

int branch_on_what_was_never_written() {
  const std::unique_ptr<int[]> array(new int[64]);
  return array[static_cast<std::size_t>(g_nine)] > 3 ? 1 : 2;
}

int leak() {
  volatile int* lost = new int[static_cast<std::size_t>(g_nine)];
  lost[0] = 1;
  return lost[0];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  int result = 0;
  if (what == "address")
    result = read_past_the_end();
  else if (what == "undefined")
    result = overflow_a_sum();
  else if (what == "thread")
    result = count_on_two_threads();
  else if (what == "memory")
    result = branch_on_what_was_never_written();
  else if (what == "leak")
    result = leak();
  else
    return 64;
  std::printf("%d\n", result);  // used, so that it is computed
  return 0;
}
