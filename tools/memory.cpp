#include "tools/memory.hpp"

#include <fstream>
#include <string>

namespace heavykeys::tools {

std::optional<std::uint64_t> peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string field;
  while (status >> field) {
    std::uint64_t kibibytes = 0;
    if (field == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return std::nullopt;
}

}  // namespace heavykeys::tools
