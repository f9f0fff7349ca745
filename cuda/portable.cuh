// One source, two compilers: nvcc makes of these headers code of the device; any other C++20 compiler makes
// code of the host, which the tests run (tests/cuda). So nothing here but what both can read.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define HEAVYKEYS_DEVICE __device__ __forceinline__
#define HEAVYKEYS_UNROLL _Pragma("unroll")
#define HEAVYKEYS_UNROLL_4 _Pragma("unroll 4")
#else
#include <atomic>
#include <stdexcept>
#define HEAVYKEYS_DEVICE inline
#define HEAVYKEYS_UNROLL
#define HEAVYKEYS_UNROLL_4
#endif

namespace heavykeys::cuda::detail {

/// a b + c, rounded once. Everything else is rounded operation by operation: nvcc is told -fmad=false, other
/// compilers -ffp-contract=off.
HEAVYKEYS_DEVICE float fused(float a, float b, float c) {
#ifdef __CUDACC__
  return __fmaf_rn(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}
HEAVYKEYS_DEVICE double fused(double a, double b, double c) {
#ifdef __CUDACC__
  return __fma_rn(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}

template <class T>
HEAVYKEYS_DEVICE T least(T a, T b) {
  return a < b ? a : b;
}
template <class T>
HEAVYKEYS_DEVICE T greatest(T a, T b) {
  return a > b ? a : b;
}

/// NaN and infinities less themselves are NaN.
template <class T>
HEAVYKEYS_DEVICE bool is_finite(T x) {
  return x - x == static_cast<T>(0);
}

/// *target = min(*target, value), whatever other threads do.
HEAVYKEYS_DEVICE void lower(std::uint64_t* target, std::uint64_t value) {
#ifdef __CUDACC__
  atomicMin(reinterpret_cast<unsigned long long*>(target), static_cast<unsigned long long>(value));
#else
  std::atomic_ref<std::uint64_t> shared(*target);
  std::uint64_t seen = shared.load();
  while (value < seen && !shared.compare_exchange_weak(seen, value)) {
  }
#endif
}

/// *flag = 1, by any number of threads at once.
HEAVYKEYS_DEVICE void raise_flag(int* flag) {
#ifdef __CUDACC__
  *static_cast<volatile int*>(flag) = 1;
#else
  std::atomic_ref<int>(*flag).store(1);
#endif
}

/// 16 bytes in one load: kPack values.
template <class T>
inline constexpr int kPack = 16 / static_cast<int>(sizeof(T));
template <class T>
struct alignas(16) Pack {
  T value[kPack<T>];
};
template <class T>
HEAVYKEYS_DEVICE Pack<T> load_pack(const T* p) {
#ifdef __CUDACC__
  return *reinterpret_cast<const Pack<T>*>(p);
#else
  if (reinterpret_cast<std::uintptr_t>(p) % 16 != 0) throw std::logic_error("a pack is not aligned");
  Pack<T> pack;
  std::memcpy(&pack, p, sizeof pack);
  return pack;
#endif
}

}  // namespace heavykeys::cuda::detail
