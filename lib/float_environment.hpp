// IEEE arithmetic for as long as this lives: round to nearest, subnormals kept. A host may have set a thread
// to flush them or to round otherwise (PyTorch's set_flush_denormal); then its thread would make other bytes.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace heavykeys::detail {

class FloatEnvironment {
 public:
#if defined(__SSE2__)
  FloatEnvironment() : before_(_mm_getcsr()) {
    _mm_setcsr(0x1f80);
  }  // the power-on value: all of IEEE, no traps
  ~FloatEnvironment() { _mm_setcsr(before_); }
#else
  FloatEnvironment() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() { std::fesetenv(&before_); }
#endif
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__SSE2__)
  unsigned before_;
#else
  std::fenv_t before_;
#endif
};

}  // namespace heavykeys::detail
