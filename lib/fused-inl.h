// a b + c with one rounding, the same on every target of Highway. Included once for each of them: no include
// guard of the usual kind.
#if defined(HEAVYKEYS_FUSED_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HEAVYKEYS_FUSED_INL
#undef HEAVYKEYS_FUSED_INL
#else
#define HEAVYKEYS_FUSED_INL
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {

/// Also where the processor has no such instruction.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V Fused([[maybe_unused]] D d, V a, V b, V c) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  using T = hn::TFromD<D>;
  HWY_ALIGN T x[HWY_LANES(T)], y[HWY_LANES(T)], z[HWY_LANES(T)];
  hn::Store(a, d, x);
  hn::Store(b, d, y);
  hn::Store(c, d, z);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return hn::Load(d, z);
#endif
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
