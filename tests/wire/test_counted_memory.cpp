#include <malloc.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <vector>

#include "wire/counted_memory.hpp"

namespace {

bool g_counting = false;
std::size_t g_greatest = 0, g_peak = 0;
long g_held = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  if (g_counting) g_greatest = std::max(g_greatest, size);
  size = size == 0 ? alignment : (size + alignment - 1) / alignment * alignment;
  void* p = size > (std::size_t{1} << 40) ? nullptr : std::aligned_alloc(alignment, size);
  if (p == nullptr) throw std::bad_alloc();
  if (g_counting) {
    g_held += static_cast<long>(::malloc_usable_size(p));
    g_peak = std::max(g_peak, static_cast<std::size_t>(std::max(g_held, 0L)));
  }
  return p;
}

void release(void* p) {
  if (g_counting && p != nullptr) g_held -= static_cast<long>(::malloc_usable_size(p));
  std::free(p);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t a) {
  return allocate(size, static_cast<std::size_t>(a));
}
// As the standard library's own, which under a sanitizer is the sanitizer's.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (...) {
    return nullptr;
  }
}
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }

namespace wire {

CountedMemory::CountedMemory() {
  g_greatest = g_peak = 0;
  g_held = 0;
  g_counting = true;
}
CountedMemory::~CountedMemory() { g_counting = false; }
std::size_t CountedMemory::greatest() const { return g_greatest; }
std::size_t CountedMemory::peak() const { return g_peak; }

}  // namespace wire

TEST_CASE("memory is counted: the greatest allocation, and the most held at once") {
  const wire::CountedMemory counted;
  { std::vector<char> first(100'000); }
  const std::vector<char> second(50'000), third(60'000);
  const std::size_t greatest = counted.greatest(), peak = counted.peak();
  CHECK(greatest == 100'000);
  CHECK(peak >= 110'000);
  CHECK(peak < 120'000);
}
