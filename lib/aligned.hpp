// Vectors whose data starts on a cache line: a tile or vector load that straddles two lines costs far more.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace heavykeys::detail {

template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kLine)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, kLine); }

  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

template <class T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

struct AlignedDelete {
  template <class T>
  void operator()(T* p) const {
    CacheLineAllocator<T>().deallocate(p, 0);
  }
};

/// Numbers that are not initialised. Throws std::bad_alloc, which hwy::AllocateAligned does not: its null
/// would be written to.
template <class T>
std::unique_ptr<T[], AlignedDelete> aligned_array(std::size_t count) {
  return std::unique_ptr<T[], AlignedDelete>(CacheLineAllocator<T>().allocate(count));
}

}  // namespace heavykeys::detail
