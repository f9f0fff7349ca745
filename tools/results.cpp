#include "tools/results.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <system_error>

#include "lib/atomic_file.hpp"
#include "tools/summary.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSummary = "summary.json";
constexpr std::string_view kTemporaryPrefix = ".heavykeys-tmp-";
constexpr std::size_t kMostInside = 128;  // characters of names in a result folder
constexpr std::array<std::string_view, 12> kNames = {
    "universal_set.npy", "universal_streams.npy", "leverage.npy",           "layer.npy",
    "heavy_indptr.npy",  "heavy_keys.npy",        "heavy_streams.npy",      "heavy_weights.npy",
    "heavy_bounds.npy",  "audit_share.npy",       "audit_weight_share.npy", kSummary};

const ResultKind kFound = {"heavykeys", kNames, true};

bool is_head_folder(const std::string& name) {
  const std::string_view digits = std::string_view(name).substr(std::min<std::size_t>(5, name.size()));
  return name.starts_with("head-") && digits.size() >= 3 &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

void require_only_results(const fs::path& folder, const ResultKind& kind, bool may_hold_heads) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kTemporaryPrefix)) continue;  // of a run that was killed, or that goes on
    if (entry.is_directory() && may_hold_heads && is_head_folder(name)) {
      require_only_results(entry.path(), kind, false);
    } else if (!entry.is_regular_file() || std::ranges::find(kind.names, name) == kind.names.end()) {
      throw InvalidInput(folder.string() + ": holds " + name + ", which is no result of " +
                         std::string(kind.owner) + "; choose another folder");
    }
  }
}

/// A folder that nobody else has, removed with all it holds unless it was renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    // Not the process's number, which another has as well in another container. What is there already is
    // never removed: nobody can tell whether its process lives. Not mkdtemp, whose mode 0700 would stay.
    std::random_device random;
    for (;;) {
      const std::uint64_t number = static_cast<std::uint64_t>(random()) << 32 | random();
      path_ = parent / fmt::format("{}{:016x}", kTemporaryPrefix, number);
      if (::mkdir(path_.c_str(), 0777) == 0) return;
      if (errno != EEXIST) {
        throw fs::filesystem_error("mkdir", path_, std::error_code(errno, std::generic_category()));
      }
    }
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

  void rename(const fs::path& target) {
    fs::rename(path_, target);
    path_.clear();  // the name is anybody's again
  }

 private:
  fs::path path_;
};

void write_ids(const fs::path& folder, const char* rows_name, const char* streams_name,
               std::span<const KeyId> ids, bool streams) {
  std::vector<std::int64_t> values(ids.size());
  std::ranges::transform(ids, values.begin(),
                         [](const KeyId& id) { return static_cast<std::int64_t>(id.row); });
  write_npy(folder / rows_name, "<i8", {values.size()}, values.data());
  if (!streams) return;
  std::ranges::transform(ids, values.begin(),
                         [](const KeyId& id) { return static_cast<std::int64_t>(id.stream); });
  write_npy(folder / streams_name, "<i8", {values.size()}, values.data());
}

void write_arrays(const fs::path& folder, const Finding& finding, bool has_set) {
  const UniversalSet& set = finding.set;
  const bool streams = has_streams(finding);
  if (has_set) {
    write_ids(folder, "universal_set.npy", "universal_streams.npy", set.ids(), streams);
    write_npy(folder / "leverage.npy", "<f8", {set.size()}, set.leverage().data());
    static_assert(sizeof(int) == 4);
    write_npy(folder / "layer.npy", "<i4", {set.size()}, set.layer().data());
  }
  if (finding.audit) {
    const Audit& audit = *finding.audit;
    write_npy(folder / "audit_share.npy", "<f8", {audit.shares.size()}, audit.shares.data());
    write_npy(folder / "audit_weight_share.npy", "<f8", {audit.shares.size()}, audit.weight_shares.data());
  }
  if (!finding.entries) return;

  const HeavyEntries& entries = *finding.entries;
  std::vector<double> bounds;
  bounds.reserve(2 * entries.lower.size());
  for (std::size_t i = 0; i < entries.lower.size(); ++i) {
    bounds.push_back(entries.lower[i]);
    bounds.push_back(entries.upper[i]);
  }
  write_npy(folder / "heavy_indptr.npy", "<i8", {entries.indptr.size()}, entries.indptr.data());
  write_ids(folder, "heavy_keys.npy", "heavy_streams.npy", entries.keys, streams);
  write_npy(folder / "heavy_weights.npy", "<f8", {entries.weights.size()}, entries.weights.data());
  write_npy(folder / "heavy_bounds.npy", "<f8", {entries.lower.size(), 2}, bounds.data());
}

void write_all(const fs::path& folder, const Report& report) {
  for (std::size_t h = 0; h < report.heads.size(); ++h) {
    if (!report.has_heads) {
      write_arrays(folder, report.heads[h], !report.scan);
      continue;
    }
    const fs::path head = folder / fmt::format("head-{:03}", h);
    fs::create_directory(head);
    write_arrays(head, report.heads[h], !report.scan);
    write_text(head / kSummary, to_text(head_summary(report, h)));
  }
  write_text(folder / kSummary, to_text(summary(report)));
}

std::vector<fs::path> names_in(const fs::path& folder) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

/// Another run's, which may go on.
bool is_temporary(const fs::path& name) { return name.string().starts_with(kTemporaryPrefix); }

/// Renames every file of `from` over the one in `into`, and removes older results that have no successor.
/// Not one rename of the folder: DIR may be a mount point or the working folder, which cannot be renamed.
/// Synced in between, so that the summary is not there beside files of two runs after a power cut either.
void replace_results(const fs::path& from, const fs::path& into) {
  fs::remove(into / kSummary);  // while it is missing, the folder is not finished
  detail::sync_folder(into);
  for (const fs::path& name : names_in(into)) {
    if (!is_temporary(name) && !fs::exists(from / name)) fs::remove_all(into / name);
  }
  for (const fs::path& name : names_in(from)) {
    if (name == kSummary) continue;
    if (fs::is_directory(from / name) && fs::exists(into / name)) {
      replace_results(from / name, into / name);
    } else {
      fs::rename(from / name, into / name);
    }
  }
  detail::sync_folder(into);
  fs::rename(from / kSummary, into / kSummary);
  detail::sync_folder(into);
}

/// Errors speak of DIR, not of the folder that is filled in its stead.
void fill(const fs::path& temporary, const fs::path& folder,
          const std::function<void(const fs::path&)>& write) try {
  write(temporary);
} catch (const BackendError& error) {
  std::string text = error.what();
  const std::size_t at = text.find(temporary.string());
  if (at != std::string::npos) text.replace(at, temporary.string().size(), folder.string());
  throw BackendError(text);
}

}  // namespace

void write_text(const fs::path& path, const std::string& text) {
  detail::write_file_atomically(path, std::as_bytes(std::span(text)));
}

// The system's own refusals, of a name that is too long for it say, are bad input as well.

void check_parent_folder(const fs::path& file) try {
  if (file.empty()) throw InvalidInput("the name of the file to write is empty");
  // As the system will: none/../file needs a folder `none`, and a link to a file that is yet to be made needs
  // the folder of that.
  const fs::path target = fs::exists(file) ? file : detail::behind_links(file);
  const fs::path parent = fs::absolute(target).parent_path();
  if (!fs::is_directory(parent))
    throw InvalidInput(file.string() + ": there is no folder " + parent.string());
  if (fs::is_directory(file)) throw InvalidInput(file.string() + ": is a directory");
} catch (const fs::filesystem_error& error) {
  throw InvalidInput(file.string() + ": " + error.code().message());
}

void check_result_folder(const fs::path& folder, const ResultKind& kind) try {
  fs::path target = fs::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // DIR/ is DIR
  // DIR/.heavykeys-tmp-*/head-000/universal_streams.npy.tmp-*
  if (target.native().size() + kMostInside >= PATH_MAX)
    throw InvalidInput(folder.string() + ": the name is too long");
  if (!fs::exists(target)) {
    // A folder cannot take the place of a link.
    if (fs::is_symlink(target)) throw InvalidInput(folder.string() + ": is a link to what is not there");
    return check_parent_folder(target);
  }
  if (!fs::is_directory(target)) throw InvalidInput(folder.string() + ": is not a directory");
  require_only_results(folder, kind, kind.has_heads);
} catch (const fs::filesystem_error& error) {
  throw InvalidInput(folder.string() + ": " + error.code().message());
}

void check_result_folder(const fs::path& folder) { check_result_folder(folder, kFound); }

void write_folder(const fs::path& folder, const ResultKind& kind,
                  const std::function<void(const fs::path&)>& write) try {
  check_result_folder(folder, kind);  // again: a pass takes long enough for others to use DIR
  fs::path target = fs::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  const bool replaces = fs::exists(target);
  TemporaryFolder temporary(replaces ? target : target.parent_path());
  fill(temporary.path(), folder, write);
  if (replaces) {
    replace_results(temporary.path(), target);
  } else {
    temporary.rename(target);
    detail::sync_folder(target.parent_path());
  }
} catch (const fs::filesystem_error& error) {
  throw BackendError(folder.string() + ": cannot be written: " + error.code().message());
}

void write_results(const fs::path& folder, const Report& report) {
  write_folder(folder, kFound, [&](const fs::path& into) { write_all(into, report); });
}

}  // namespace heavykeys::tools
