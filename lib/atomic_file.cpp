#include "lib/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "heavykeys/error.hpp"

namespace heavykeys::detail {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* action, int error) {
  throw BackendError(path.string() + ": " + action + ": " + std::strerror(error));
}

/// After a stream has failed. It keeps std::bad_alloc to itself: then no system call has left a reason.
[[noreturn]] void fail_to_read(const std::filesystem::path& path) {
  const int error = errno;
  if (error == 0 || error == ENOMEM) throw std::bad_alloc();
  fail(path, "cannot be read", error);
}

/// Whom a file belongs to, and who may read and write it.
struct Access {
  uid_t owner;
  gid_t group;
  mode_t mode;
};

std::optional<Access> access_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Access{status.st_uid, status.st_gid, status.st_mode & 0777};
}

/// `target` with a suffix; cut where the name or the whole would get too long, as `target` itself may be just
/// short enough.
std::filesystem::path with_suffix(const std::filesystem::path& target, const std::string& suffix) {
  const std::filesystem::path folder = target.parent_path();
  std::string name = target.filename().string();
  const long most = ::pathconf(folder.empty() ? "." : folder.c_str(), _PC_NAME_MAX);
  const std::size_t most_name = most > 0 ? static_cast<std::size_t>(most) : NAME_MAX;
  const auto past = [&](std::size_t length, std::size_t limit) {
    return length + suffix.size() > limit ? length + suffix.size() - limit : 0;
  };
  const std::size_t cut = std::max(past(name.size(), most_name), past(target.native().size(), PATH_MAX - 1));
  if (cut != 0) {
    name.resize(name.size() - std::min(cut, name.size()));
    // Some file systems take no half of a UTF-8 character.
    while (!name.empty() && (static_cast<unsigned char>(name.back()) & 0x80) != 0) name.pop_back();
  }
  return folder / (name + suffix);
}

/// A file with a name nobody else uses, removed unless it was renamed to its final one.
class TemporaryFile {
 public:
  /// `name` is the user's, for errors; `older` is what will be replaced.
  TemporaryFile(const std::filesystem::path& target, const std::filesystem::path& name,
                const std::optional<Access>& older)
      : target_(target), name_(name) {
    static std::atomic<unsigned> counter{0};
    for (;;) {
      path_ = with_suffix(target, ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
      // Not mkstemp: its mode 0600 would stay on the finished file, against the user's umask. In place of an
      // older file, ours alone until it has that one's mode: nobody may open it in between.
      file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, older ? 0600 : 0666);
      if (file_ >= 0) break;
      if (errno != EEXIST) fail(name_, "cannot be created", errno);
    }
    if (older) give(*older);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { remove(); }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(name_, "cannot be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void commit() {
    if (::fsync(file_) != 0) fail(name_, "cannot be synced", errno);
    if (::close(std::exchange(file_, -1)) != 0) fail(name_, "cannot be closed", errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail(name_, "cannot be renamed into place", errno);
    path_.clear();
  }

 private:
  void give(Access access) {
    struct stat made {};
    if (::fstat(file_, &made) != 0) return give_up("cannot be inspected");
    // Only root may give a file away, and only to a group of one's own may anybody: a group that the older
    // file was not for is then to see no more of this one than all others are.
    if (made.st_uid != access.owner || made.st_gid != access.group) {
      if (::fchown(file_, access.owner, access.group) != 0 &&
          ::fchown(file_, static_cast<uid_t>(-1), access.group) != 0) {
        access.mode &= ~(static_cast<mode_t>(070) & ~(access.mode << 3));
      }
    }
    // Not for nothing: a file system without modes may refuse it.
    if ((made.st_mode & 0777) != access.mode && ::fchmod(file_, access.mode) != 0)
      give_up("cannot be given the older file's mode");
  }

  /// For the constructor, after which no destructor would run.
  void give_up(const char* action) {
    const int error = errno;
    remove();
    fail(name_, action, error);
  }

  void remove() {
    if (file_ >= 0) ::close(std::exchange(file_, -1));
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  std::filesystem::path target_;
  std::filesystem::path name_;
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

std::filesystem::path resolved(const std::filesystem::path& path) try {
  return behind_links(path);
} catch (const std::filesystem::filesystem_error& error) {
  fail(path, "cannot be followed", error.code().value());
}

}  // namespace

std::filesystem::path behind_links(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!fs::is_symlink(fs::symlink_status(path))) return path;
  // Also throws for the link of a file that was removed and is still open (/dev/stdout), whose text is no
  // path.
  if (fs::exists(path)) return fs::canonical(path);
  fs::path target = path;
  // As many as the system follows; exists() has thrown for more.
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(target)); ++links)
    target = target.parent_path() / fs::read_symlink(target);
  return target;
}

void write_file_atomically(const std::filesystem::path& path,
                           std::initializer_list<std::span<const std::byte>> parts) {
  // A rename would replace a device such as /dev/null by a regular file.
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) fail(path, "cannot be replaced", EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw BackendError(path.string() + ": cannot be replaced: not a regular file");
  }
  // A rename would replace a link, not the file behind it: /dev/stdout, where it leads to a file, say.
  const std::filesystem::path target = resolved(path);
  Folder folder(target.parent_path(), path);
  TemporaryFile file(target, path, access_of(target));
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
  errno = 0;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail_to_read(path);
  if (std::filesystem::is_directory(path)) fail(path, "cannot be read", EISDIR);
  const std::streamoff end = file.tellg();
  if (end < 0) fail_to_read(path);
  std::vector<std::byte> bytes(static_cast<std::size_t>(end));
  file.seekg(0);
  errno = 0;
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    if (file.eof() && !file.bad()) throw BackendError(path.string() + ": cannot be read: it became shorter");
    fail_to_read(path);
  }
  return bytes;
}

}  // namespace heavykeys::detail
