#include "tools/checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "heavykeys/streaming.hpp"
#include "lib/atomic_file.hpp"
#include "tools/context.hpp"
#include "tools/results.hpp"
#include "tools/state_file.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

struct FileName {
  std::int64_t generation = 0, rank = 0, ranks = 0;
};

std::string to_string(const FileName& name) {
  return fmt::format("g{:06}-rank-{:04}-of-{:04}.hks", name.generation, name.rank, name.ranks);
}

struct Found {
  FileName name;
  bool whole = false;  ///< false: what a save that was cut off left
};

/// No job comes this far; a stray file with a larger number must not make us count past what there is.
constexpr std::int64_t kMostGenerations = 1'000'000'000'000;

/// Takes `before` and the number after it off the front of `text`.
bool take(std::string_view& text, std::string_view before, std::int64_t& number) {
  if (!text.starts_with(before)) return false;
  text.remove_prefix(before.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;  // a number that is out of range, too
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

/// None for files that are not ours.
std::optional<Found> parse(const std::string& text) {
  FileName name;
  std::string_view rest = text;
  if (!take(rest, "g", name.generation) || !take(rest, "-rank-", name.rank) ||
      !take(rest, "-of-", name.ranks)) {
    return std::nullopt;
  }
  if (name.generation < 1 || name.generation > kMostGenerations) return std::nullopt;
  if (name.rank < 0 || name.rank >= name.ranks) return std::nullopt;
  const std::string whole = to_string(name);
  if (text == whole) return Found{name, true};
  if (text.starts_with(whole + ".tmp-")) return Found{name, false};
  return std::nullopt;
}

/// Calls body(path, found) for our files.
template <typename Body>
void for_files(const std::string& folder, const Body& body) {
  std::vector<fs::path> paths;  // first, as the body may remove them
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  for (const fs::path& path : paths) {
    if (const auto found = parse(path.filename().string())) body(path, *found);
  }
}

[[noreturn]] void fail(const fs::path& path, const char* action, const std::error_code& error) {
  throw BackendError(path.string() + ": " + action + ": " + error.message());
}

void make_folder(const fs::path& folder) {
  check_parent_folder(folder);
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) fail(folder, "cannot be created", error);
}

/// There or made.
void require_folder(const std::string& folder) try {
  if (!fs::exists(folder)) {
    if (fs::is_symlink(folder)) throw InvalidInput(folder + ": is a link to what is not there");
    make_folder(folder);
  }
  if (!fs::is_directory(folder)) throw InvalidInput(folder + ": is not a directory");
} catch (const fs::filesystem_error& error) {  // a name that is too long, say
  throw InvalidInput(folder + ": " + error.code().message());
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) fail(path, "cannot be removed", error);
}

}  // namespace

std::string Checkpoints::file(std::int64_t generation, std::int64_t rank, std::int64_t ranks) const {
  return (fs::path(folder_) / to_string(FileName{generation, rank, ranks})).string();
}

void Checkpoints::open() {
  job_.first([&] {
    require_folder(folder_);
    // Durable before anything is saved in it: a power cut must not take the folder and all saves away.
    detail::sync_folder(fs::absolute(fs::path(folder_) / ".").lexically_normal().parent_path().parent_path());
    std::map<std::pair<std::int64_t, std::int64_t>, std::set<std::int64_t>> ranks;
    for_files(folder_, [&](const fs::path&, const Found& found) {
      last_used_ = std::max(last_used_, found.name.generation);
      if (found.whole) ranks[{found.name.generation, found.name.ranks}].insert(found.name.rank);
    });
    for (const auto& [generation, present] : ranks) {
      if (static_cast<std::int64_t>(present.size()) == generation.second)
        std::tie(newest_, files_) = generation;
    }
  });
  newest_ = job_.greatest(newest_);
  files_ = job_.greatest(files_);
  last_used_ = job_.greatest(last_used_);
  // Now, rather than after hours: half of the numbers are left for the saves to come.
  job_.alike([&] {
    if (last_used_ > kMostGenerations / 2)
      throw InvalidInput(fmt::format("{}: holds a save with number {}, none of ours", folder_, last_used_));
  });
}

Sketch Checkpoints::load(const Spec& spec) {
  std::optional<Sketch> sketch;
  job_.together([&] {
    sketch.emplace(spec);
    for (std::int64_t f = job_.rank(); f < files_; f += job_.ranks()) {
      const std::string name = file(newest_, f, files_);
      const Sketch part = load_state(name);
      if (part.spec() != spec) {
        throw Incompatible(name + ": is of a job with " + heavykeys::to_string(part.spec()) + ", not " +
                           heavykeys::to_string(spec));
      }
      in_file(name, [&] { merge(*sketch, part); });
    }
  });
  return std::move(*sketch);
}

void Checkpoints::save(const Sketch& sketch) {
  ++last_used_;
  job_.together([&] { streaming::save(sketch, file(last_used_, job_.rank(), job_.ranks())); });
  // All ranks have saved, and none goes on before the others' files are gone.
  job_.first([&] {
    for_files(folder_, [&](const fs::path& path, const Found& found) {
      if (found.name.generation != last_used_) remove_file(path);
    });
  });
}

void Checkpoints::remove() {
  job_.first([&] {
    for_files(folder_, [](const fs::path& path, const Found&) { remove_file(path); });
    if (fs::is_empty(folder_)) remove_file(folder_);
  });
}

}  // namespace heavykeys::tools
