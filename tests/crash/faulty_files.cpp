// Preloaded into a process under test (LD_PRELOAD): logs the calls by which it changes files below one
// folder, and makes one of them, or all from one on, fail; or kills the process there. By the environment:
//
//   HEAVYKEYS_FAULT_ROOT  the folder; calls on other files are not ours
//   HEAVYKEYS_FAULT_LOG   a file, there already, that gets a line a call: its number, name, file or "from ->
//   to", and result HEAVYKEYS_FAULT_AT    number of the call, from 1; none: only log HEAVYKEYS_FAULT_DO    an
//   errno that it fails with; "short": a write that writes a half and returns that;
//                         "kill-before", "kill-after": SIGKILL
//   HEAVYKEYS_FAULT_ALL   with an errno: every later call that could take room fails as well, as on a full
//   disk
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

std::string absolute(const char* path) {
  char folder[PATH_MAX] = "";
  if (path[0] == '/' || ::getcwd(folder, sizeof folder) == nullptr) return path;
  return std::string(folder) + "/" + path;
}

bool is_ours(const std::string& path) {
  const std::string root = setting("HEAVYKEYS_FAULT_ROOT");
  return !root.empty() && path.starts_with(root + "/");
}

std::string path_of(int file) {
  char path[PATH_MAX] = "";
  const std::string link = std::string("/proc/self/fd/").append(std::to_string(file));
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path - 1);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

// Read-only files are none of our business, folders opened to be synced are.
bool is_for_change(int file) {
  const int flags = ::fcntl(file, F_GETFL);
  return flags >= 0 && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_DIRECTORY) != 0);
}

void log(long number, const char* call, const std::string& what, const char* result) {
  static const int file = real<int(const char*, int, ...)>("open")(setting("HEAVYKEYS_FAULT_LOG"),
                                                                   O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return;
  const std::string line = std::to_string(number) + "\t" + call + "\t" + what + "\t" + result + "\n";
  real<ssize_t(int, const void*, std::size_t)>("write")(file, line.data(), line.size());
}

/// What is to become of one call.
struct Fate {
  int error = 0;
  bool is_short = false, dies_after = false;
};

Fate meet(const char* call, const std::string& what, bool takes_room) {
  static std::atomic<long> count{0};
  const long number = ++count;
  const long at = std::atol(setting("HEAVYKEYS_FAULT_AT"));
  const std::string action = setting("HEAVYKEYS_FAULT_DO");
  const bool all = *setting("HEAVYKEYS_FAULT_ALL") != '\0' && number > at && takes_room;
  Fate fate;
  if (at != 0 && (number == at || all)) {
    if (action == "kill-before") {
      log(number, call, what, "killed before");
      ::raise(SIGKILL);
    }
    fate.dies_after = action == "kill-after";
    fate.is_short = action == "short" && std::strcmp(call, "write") == 0;
    fate.error = std::atoi(action.c_str());
  }
  const std::string failed = std::string("errno ").append(std::to_string(fate.error));
  log(number, call, what,
      fate.error != 0 ? failed.c_str()
      : fate.is_short ? "short"
                      : (fate.dies_after ? "killed after" : "done"));
  return fate;
}

template <class Call>
auto call_or_fail(const Fate& fate, const Call& call) -> decltype(call()) {
  if (fate.error != 0) {
    errno = fate.error;
    return -1;
  }
  const auto result = call();
  if (fate.dies_after) ::raise(SIGKILL);
  return result;
}

int open_as(const char* name, const char* path, int flags, mode_t mode) {
  const auto call = [&] { return real<int(const char*, int, ...)>(name)(path, flags, mode); };
  const std::string whole = absolute(path);
  const bool changes = (flags & O_ACCMODE) != O_RDONLY;
  // A folder is opened for its sync, which is logged: listing one does not come here.
  if (!(changes || (flags & O_DIRECTORY) != 0) || !(is_ours(whole) || is_ours(whole + "/"))) return call();
  return call_or_fail(meet(changes ? "open" : "open-folder", whole, changes), call);
}

int open_mode(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, int) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int mode = open_mode(flags, arguments);
  va_end(arguments);
  return open_as("open", path, flags, static_cast<mode_t>(mode));
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int mode = open_mode(flags, arguments);
  va_end(arguments);
  return open_as("open64", path, flags, static_cast<mode_t>(mode));
}

ssize_t write(int file, const void* data, std::size_t size) {
  const auto call = [&](std::size_t n) {
    return real<ssize_t(int, const void*, std::size_t)>("write")(file, data, n);
  };
  const std::string path = path_of(file);
  if (!is_ours(path)) return call(size);
  const Fate fate = meet("write", path, true);
  return call_or_fail(fate, [&] { return call(fate.is_short ? (size + 1) / 2 : size); });
}

int fsync(int file) {
  const auto call = [&] { return real<int(int)>("fsync")(file); };
  const std::string path = path_of(file);
  if (!is_ours(path + "/")) return call();
  return call_or_fail(meet("fsync", path, true), call);
}

int close(int file) {
  const auto call = [&] { return real<int(int)>("close")(file); };
  const std::string path = path_of(file);
  if (!is_ours(path + "/") || !is_for_change(file)) return call();
  const Fate fate = meet("close", path, true);
  if (fate.error != 0) call();  // Linux closes the file even so
  return call_or_fail(fate, call);
}

int rename(const char* from, const char* to) {
  const auto call = [&] { return real<int(const char*, const char*)>("rename")(from, to); };
  if (!is_ours(absolute(to))) return call();
  return call_or_fail(meet("rename", absolute(from) + " -> " + absolute(to), true), call);
}

int unlink(const char* path) {
  const auto call = [&] { return real<int(const char*)>("unlink")(path); };
  if (!is_ours(absolute(path))) return call();
  return call_or_fail(meet("unlink", absolute(path), false), call);
}

int remove(const char* path) {
  const auto call = [&] { return real<int(const char*)>("remove")(path); };
  if (!is_ours(absolute(path))) return call();
  return call_or_fail(meet("unlink", absolute(path), false), call);
}

int unlinkat(int folder, const char* path, int flags) {
  const auto call = [&] { return real<int(int, const char*, int)>("unlinkat")(folder, path, flags); };
  const std::string whole =
      path[0] == '/' || folder == AT_FDCWD ? absolute(path) : path_of(folder) + "/" + path;
  if (!is_ours(whole)) return call();
  return call_or_fail(meet("unlink", whole, false), call);
}

int mkdir(const char* path, mode_t mode) {
  const auto call = [&] { return real<int(const char*, mode_t)>("mkdir")(path, mode); };
  if (!is_ours(absolute(path))) return call();
  return call_or_fail(meet("mkdir", absolute(path), true), call);
}
}
