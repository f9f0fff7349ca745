// Four keys, two of them equal: the equal ones share their direction, so tau = 1/2 each, the others have 1.
#include <cstdio>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"

int main() {
  const std::vector<float> keys{1, 0, 0, /**/ 0, 2, 0, /**/ 1, 0, 0, /**/ 0, 0, 3};
  heavykeys::Spec spec;
  spec.dim = 3;
  spec.epsilon = 0.75;
  heavykeys::Sketch one(spec), two(spec);
  heavykeys::streaming::absorb(one, heavykeys::rows(keys.data(), 4, 3));
  heavykeys::parallel::absorb(two, heavykeys::rows(keys.data(), 4, 3));
  if (heavykeys::to_bytes(one) != heavykeys::to_bytes(two)) return 1;
  const heavykeys::UniversalSet set = heavykeys::finalize(one);
  if (set.size() != 2 || set.ids()[0].row != 1 || set.ids()[1].row != 3) return 1;
  std::printf("heavykeys %s: U = {%d, %d}\n", heavykeys::version(), static_cast<int>(set.ids()[0].row),
              static_cast<int>(set.ids()[1].row));
  return 0;
}
