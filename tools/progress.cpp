#include "tools/progress.hpp"

#include <fmt/format.h>

#include <string>

#include "tools/terminal.hpp"

namespace heavykeys::tools {
namespace {

constexpr std::chrono::milliseconds kInterval(100);  // a pass shorter than this shows nothing at all
constexpr std::size_t kWidth = 30;

}  // namespace

Progress::Progress(std::uint64_t total_rows, bool quiet)
    : total_(total_rows), visible_(!quiet && total_rows > 0 && stderr_is_terminal()) {}

Progress::~Progress() {
  if (drawn_) write_stderr("\r\x1b[K");
}

void Progress::add(std::uint64_t rows) {
  done_ += rows;
  const auto now = Clock::now();
  if (!visible_ || now - last_draw_ < kInterval) return;
  last_draw_ = now;
  drawn_ = true;
  draw();
}

void Progress::draw() const {
  const double part = static_cast<double>(done_) / static_cast<double>(total_);
  const double elapsed = std::chrono::duration<double>(last_draw_ - start_).count();
  const auto filled = static_cast<std::size_t>(part * kWidth);
  write_stderr(fmt::format("\r[{:<{}}] {:3.0f}%  {} of {} rows, {:.0f} s left\x1b[K",
                           std::string(filled, '#'), kWidth, 100.0 * part, done_, total_,
                           elapsed / part - elapsed));
}

}  // namespace heavykeys::tools
