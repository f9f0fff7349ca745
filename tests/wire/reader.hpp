// Reads bytes that may be damaged, and keeps the books: Corrupt, or accepted and then exactly what to_bytes
// writes; quickly, and without memory that the bytes there are do not account for.
#pragma once

#include <time.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "heavykeys/error.hpp"
#include "wire/counted_memory.hpp"
#include "wire/state_files.hpp"

namespace wire {

/// What a reader may take: so much whatever the file says (the lift of the greatest Spec), and so many bytes
/// for each one of the file (floating-point factors of its Gram matrix).
inline constexpr std::size_t kSingle = std::size_t{1} << 17, kSinglePerByte = 4;
inline constexpr std::size_t kTogether = std::size_t{1} << 19, kTogetherPerByte = 16;
inline constexpr double kSeconds = 1.0;  // of processor time, for files of at most a few kilobytes

inline double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Reads what may be damaged, and keeps the books.
class Reader {
 public:
  explicit Reader(wire::Stored kind = wire::Stored::sketch) : kind_(kind) {}

  void read(const Bytes& bytes, const std::string& what) {
    const double start = processor_seconds();
    bool right = true;
    {
      const wire::CountedMemory memory;
      right = is_right(bytes);
      greatest = std::max(greatest, memory.greatest());
      peak = std::max(peak, memory.peak());
      right &= memory.greatest() <= kSingle + kSinglePerByte * bytes.size();
      right &= memory.peak() <= kTogether + kTogetherPerByte * bytes.size();
    }
    const double took = processor_seconds() - start;
    slowest = std::max(slowest, took);
    if (right && took < kSeconds) return;
    ++wrong;
    UNSCOPED_INFO(what << ", " << bytes.size() << " bytes: " << took << " s, other error " << other_);
  }
  void check() const {
    CAPTURE(figures());
    CHECK(wrong == 0);
  }
  std::string figures() const {
    std::ostringstream out;
    out << accepted << " accepted, " << refused << " refused, greatest allocation " << greatest << ", peak "
        << peak << ", slowest " << slowest << " s";
    return out.str();
  }

  std::size_t accepted = 0, refused = 0, wrong = 0, greatest = 0, peak = 0;
  double slowest = 0.0;

 private:
  bool is_right(const Bytes& bytes) {
    other_ = "none";
    try {
      const bool same = wire::written_again(kind_, bytes) == bytes;
      ++accepted;
      return same;
    } catch (const heavykeys::Corrupt&) {
      ++refused;
      return true;
    } catch (const std::exception& error) {
      other_ = error.what();
      return false;
    }
  }
  wire::Stored kind_;
  std::string other_;
};

}  // namespace wire
