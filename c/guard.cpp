#include "c/guard.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "heavykeys/error.hpp"

namespace heavykeys::c {
namespace {

/// An array, not a string: when memory has run out, there is none for a text either.
thread_local char t_last_error[2048] = "";

constexpr std::size_t kMost = sizeof t_last_error - 1;
constexpr std::string_view kCut = " ... ";
constexpr std::size_t kTail = 400;  // of a text that is cut: a path may be long, and the reason comes last

/// Whether a cut here would halve a UTF-8 character, which readers in other languages would stumble over.
bool inside_character(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

/// Writes head, " ... " and tail of a text that is longer than kMost. Returns the length.
std::size_t cut(std::string_view text) noexcept {
  std::size_t head = kMost - kCut.size() - kTail, tail = text.size() - kTail;
  for (int i = 0; i < 3 && inside_character(text, head); ++i) --head;
  for (int i = 0; i < 3 && inside_character(text, tail); ++i) ++tail;
  std::size_t length = 0;
  for (const std::string_view part : {text.substr(0, head), kCut, text.substr(tail)}) {
    std::memcpy(t_last_error + length, part.data(), part.size());
    length += part.size();
  }
  return length;
}

heavykeys_status failed(heavykeys_status status, std::string_view text) noexcept {
  std::size_t length = text.size();
  if (length > kMost) {
    length = cut(text);
  } else {
    std::memmove(t_last_error, text.data(), length);
  }
  t_last_error[length] = '\0';
  // A caller's path or score may hold anything; the error stays one line and leaves a terminal alone.
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  std::replace_if(t_last_error, t_last_error + length, control, '?');
  return status;
}

}  // namespace

heavykeys_status status_of_exception() noexcept {
  try {
    throw;
  } catch (const InvalidInput& e) {
    return failed(HEAVYKEYS_INVALID_INPUT, e.what());
  } catch (const Incompatible& e) {
    return failed(HEAVYKEYS_INCOMPATIBLE, e.what());
  } catch (const Corrupt& e) {
    return failed(HEAVYKEYS_CORRUPT, e.what());
  } catch (const BackendError& e) {
    return failed(HEAVYKEYS_BACKEND_ERROR, e.what());
  } catch (const Cancelled& e) {
    return failed(HEAVYKEYS_CANCELLED, e.what());
  } catch (const std::bad_alloc&) {
    return failed(HEAVYKEYS_OUT_OF_MEMORY, "out of memory");
  } catch (const std::length_error&) {  // a container of more elements than there can be
    return failed(HEAVYKEYS_OUT_OF_MEMORY, "out of memory: more was asked for than can be addressed");
  } catch (const std::exception& e) {
    return failed(HEAVYKEYS_INTERNAL, e.what());
  } catch (...) {
    return failed(HEAVYKEYS_INTERNAL, "an exception of unknown type");
  }
}

void require(const void* argument, const char* name) {
  if (argument == nullptr) throw InvalidInput(std::string(name) + " is NULL");
}

}  // namespace heavykeys::c

const char* heavykeys_last_error(void) { return heavykeys::c::t_last_error; }

const char* heavykeys_status_name(heavykeys_status status) {
  switch (status) {
    case HEAVYKEYS_OK:
      return "OK";
    case HEAVYKEYS_INVALID_INPUT:
      return "INVALID_INPUT";
    case HEAVYKEYS_INCOMPATIBLE:
      return "INCOMPATIBLE";
    case HEAVYKEYS_CORRUPT:
      return "CORRUPT";
    case HEAVYKEYS_BACKEND_ERROR:
      return "BACKEND_ERROR";
    case HEAVYKEYS_CANCELLED:
      return "CANCELLED";
    case HEAVYKEYS_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case HEAVYKEYS_INTERNAL:
      return "INTERNAL";
    default:
      return "UNKNOWN";
  }
}
