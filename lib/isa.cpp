#include "heavykeys/isa.hpp"

#include <hwy/targets.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "heavykeys/error.hpp"
#include "lib/coarse_vnni.hpp"
#include "lib/gram_amx.hpp"
#include "lib/isa.hpp"

namespace heavykeys {

namespace detail {

namespace {

std::atomic<Isa> g_active{Isa::portable};
std::atomic<bool> g_chosen{false};

const char* name_of_isa(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_vnni:
      return "avx512_vnni";
    case Isa::amx:
      return "amx";
  }
  return "portable";
}

std::vector<Isa> found_usable() {
  std::vector<Isa> list{Isa::portable};
  const auto targets = hwy::SupportedTargets();
  if (targets & HWY_AVX2) list.push_back(Isa::avx2);
  if ((targets & HWY_AVX3) && (targets & HWY_AVX2)) {
    list.push_back(Isa::avx512);
    if (vnni_usable()) list.push_back(Isa::avx512_vnni);
    if (amx_usable()) list.push_back(Isa::amx);
  }
  return list;
}

/// Asked of the processor once.
const std::vector<Isa>& usable() {
  static const std::vector<Isa> list = found_usable();
  return list;
}

void use(Isa isa) {
  // Highway's own table is told which of the compiled targets to run; its fallback entry is "portable".
  std::int64_t targets = 0;
  if (isa == Isa::avx2) targets = HWY_AVX2;
  if (isa == Isa::avx512 || isa == Isa::avx512_vnni || isa == Isa::amx) targets = HWY_AVX2 | HWY_AVX3;
  hwy::GetChosenTarget().Update(targets);
  g_active = isa;
}

void use_by_name(std::string_view name) {
  std::string known;
  for (Isa isa : usable()) {
    if (name == name_of_isa(isa)) return use(isa);
    known += known.empty() ? "" : ", ";
    known += name_of_isa(isa);
  }
  throw BackendError("instruction set \"" + std::string(name) +
                     "\" cannot be used here; available: " + known);
}

}  // namespace

Isa current_isa() {
  if (!g_chosen) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (!g_chosen) {
      if (const char* wish = std::getenv("HEAVYKEYS_ISA"); wish != nullptr && *wish != '\0') {
        use_by_name(wish);
      } else {
        use(usable().back());
      }
      g_chosen = true;
    }
  }
  return g_active;
}

}  // namespace detail

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (detail::Isa isa : detail::usable()) names.emplace_back(detail::name_of_isa(isa));
  return names;
}

std::string active_isa() { return detail::name_of_isa(detail::current_isa()); }

void set_isa(std::string_view name) {
  detail::use_by_name(name);
  detail::g_chosen = true;  // whatever the environment asks for
}

}  // namespace heavykeys
