#include "tools/byte_stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "heavykeys/error.hpp"

namespace heavykeys::tools {
namespace {

constexpr int kPipeBytes = 1 << 20;  // fewer switches between writer and reader than the usual 64 KiB
constexpr int kCancelCheckMilliseconds = 50;

}  // namespace

ByteStream::ByteStream() {
  ::fcntl(STDIN_FILENO, F_SETPIPE_SZ, kPipeBytes);  // fails for files and for a low limit; no matter
}

bool ByteStream::wait_for_data() const {
  while (!cancelled_) {
    pollfd request{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&request, 1, kCancelCheckMilliseconds) != 0) return true;  // an error is for read to tell
  }
  return false;
}

std::size_t ByteStream::read(std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size() && wait_for_data()) {
    const ssize_t got = ::read(STDIN_FILENO, bytes.data() + done, bytes.size() - done);
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR && errno != EAGAIN) {
      throw BackendError(std::string("stdin: cannot be read: ") + std::strerror(errno));
    }
  }
  return done;
}

}  // namespace heavykeys::tools
