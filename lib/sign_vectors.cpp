#include "lib/sign_vectors.hpp"

#include <algorithm>

#include "lib/counter_random.hpp"
#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr std::size_t kPanel = 512;  // elements of a sample at once: 128 KiB of signs
constexpr std::size_t kRows = 16;    // samples at once

}  // namespace

SignVectors::Workspace::Workspace()
    : words(kPanel), signs(kPanel * kStrip), image(kRows * kStrip), panel(kRows * kPanel) {}

void SignVectors::multiply(const double* x, std::size_t rows, std::size_t strip, Workspace& workspace,
                           double* out, std::size_t stride) const {
  auto& [words, signs, image, panel] = workspace;
  const std::size_t here = std::min(kStrip, columns - strip * kStrip);
  for (std::size_t r = 0; r < rows; ++r) std::fill_n(out + r * stride, kStrip, 0.0);
  for (std::size_t first = 0; first < dim; first += kPanel) {
    const std::size_t count = std::min(kPanel, dim - first);
    random_words(seed, strip, first, count, words.data());
    for (std::size_t c = 0; c < count; ++c) {
      for (std::size_t u = 0; u < kStrip; ++u) {
        signs[c * kStrip + u] = u >= here ? 0.0 : ((words[c] >> u) & 1) != 0 ? -1.0 : 1.0;
      }
    }
    for (std::size_t r = 0; r < rows; r += kRows) {
      const std::size_t some = std::min(kRows, rows - r);
      for (std::size_t a = 0; a < some; ++a)
        std::copy_n(x + (r + a) * dim + first, count, panel.data() + a * count);
      dot_products(panel.data(), some, count, signs.data(), kStrip, image.data());
      for (std::size_t a = 0; a < some; ++a) {
        for (std::size_t u = 0; u < kStrip; ++u) out[(r + a) * stride + u] += image[a * kStrip + u];
      }
    }
  }
}

}  // namespace heavykeys::detail
