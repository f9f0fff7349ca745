#include "lib/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "heavykeys/error.hpp"

namespace heavykeys::detail {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* action, int error) {
  throw BackendError(path.string() + ": " + action + ": " + std::strerror(error));
}

/// A file with a name nobody else uses, removed unless it was renamed to its final one.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    for (;;) {
      path_ = target;
      path_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
      // Not mkstemp: its mode 0600 would stay on the finished file, against the user's umask.
      file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file_ >= 0) return;
      if (errno != EEXIST) fail(target_, "cannot be created", errno);
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_ >= 0) ::close(file_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(target_, "cannot be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void commit() {
    if (::fsync(file_) != 0) fail(target_, "cannot be synced", errno);
    if (::close(std::exchange(file_, -1)) != 0) fail(target_, "cannot be closed", errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail(target_, "cannot be renamed into place", errno);
    path_.clear();
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  int file_ = -1;
};

/// A folder, opened before anything in it changes, so that what cannot be opened leaves it as it was.
class Folder {
 public:
  /// `target` is what errors are about.
  Folder(const std::filesystem::path& path, const std::filesystem::path& target) : target_(target) {
    file_ = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // A folder that may be written but not read cannot be synced; whole files can be put there all the same.
    if (file_ < 0 && errno != EACCES) fail(target_, "folder cannot be opened", errno);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    if (file_ >= 0) ::close(file_);
  }

  /// Makes what was renamed, made and removed there durable. Some file systems cannot sync a folder; files
  /// are complete there all the same, so that alone is no error.
  void sync() {
    if (file_ < 0 || ::fsync(file_) == 0) return;
    if (errno != EINVAL && errno != ENOTSUP) fail(target_, "folder cannot be synced", errno);
  }

 private:
  std::filesystem::path target_;
  int file_ = -1;
};

}  // namespace

void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::span<const std::byte>> parts) {
  // A rename would replace a device such as /dev/null by a regular file.
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) fail(path, "cannot be replaced", EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw BackendError(path.string() + ": cannot be replaced: not a regular file");
  }
  Folder folder(path.parent_path(), path);
  TemporaryFile file(path);
  for (const auto part : parts) file.write(part);
  file.commit();
  folder.sync();
}

void sync_folder(const std::filesystem::path& path) { Folder(path, path).sync(); }

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::initializer_list<std::span<const std::byte>> parts = {bytes};
  write_file_atomically(path, parts);
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || std::filesystem::is_directory(path)) fail(path, "cannot be read", file ? EISDIR : errno);
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    fail(path, "cannot be read", errno);
  }
  return bytes;
}

}  // namespace heavykeys::detail
