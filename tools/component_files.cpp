#include "tools/component_files.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "heavykeys/error.hpp"
#include "heavykeys/files.hpp"
#include "lib/components_check.hpp"
#include "tools/context.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kNames = {
    "mean.npy",    "components.npy", "variances.npy", "explained_variance.npy", "element_variances.npy",
    "summary.json"};

using Shape = std::vector<std::size_t>;

struct Array {
  Shape shape;
  std::vector<double> elements;
};

/// An .npy of float64 of any shape. open_tensor reads [n, d] and [heads, n, d] alone.
Array read_array(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InvalidInput(path.string() + ": cannot be read: not a result of heavykeys eigen?");
  std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const NpyHeader header =
      parse_npy_header(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), path.string());
  if (header.descr != "<f8" || header.fortran_order) {
    throw InvalidInput(path.string() + ": is not float64 in C order");
  }
  std::size_t count = 1;
  for (const std::size_t n : header.shape) count *= n;
  if (header.header_bytes > bytes.size() || (bytes.size() - header.header_bytes) / sizeof(double) != count) {
    throw InvalidInput(path.string() + ": is truncated");
  }
  std::vector<double> out(count);
  std::memcpy(out.data(), bytes.data() + header.header_bytes, count * sizeof(double));
  for (const double x : out) {
    if (!std::isfinite(x)) throw InvalidInput(path.string() + ": holds NaN or Inf");
  }
  return {header.shape, std::move(out)};
}

std::vector<double> read_doubles(const fs::path& path) { return read_array(path).elements; }

nlohmann::json read_summary(const fs::path& path) try {
  std::ifstream file(path);
  if (!file) throw InvalidInput(path.string() + ": cannot be read: not a result of heavykeys eigen?");
  return nlohmann::json::parse(file);
} catch (const nlohmann::json::exception&) {
  throw InvalidInput(path.string() + ": is not JSON");
}

}  // namespace

const ResultKind kComponentFiles = {"heavykeys eigen", kNames, true};

void write_components(const fs::path& folder, const PrincipalComponents& components, bool whole,
                      const std::string& summary) {
  const auto n = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(components.dim))));
  const Shape sample = whole ? Shape{n, n} : Shape{components.dim};
  Shape all = sample;
  all.insert(all.begin(), components.size());
  const std::vector<double> explained = explained_variance(components);
  write_npy(folder / "mean.npy", "<f8", sample, components.mean.data());
  write_npy(folder / "element_variances.npy", "<f8", sample, components.element_variances.data());
  write_npy(folder / "components.npy", "<f8", all, components.components.data());
  write_npy(folder / "variances.npy", "<f8", {components.size()}, components.variances.data());
  write_npy(folder / "explained_variance.npy", "<f8", {explained.size()}, explained.data());
  write_text(folder / "summary.json", summary);
}

PrincipalComponents read_components(const fs::path& folder) {
  PrincipalComponents out;
  out.mean = read_doubles(folder / "mean.npy");
  out.element_variances = read_doubles(folder / "element_variances.npy");
  out.variances = read_doubles(folder / "variances.npy");
  Array all = read_array(folder / "components.npy");
  const std::size_t kept = all.shape.empty() ? 0 : all.shape[0];
  out.components = std::move(all.elements);
  out.dim = out.mean.size();
  if (out.element_variances.size() != out.dim || kept != out.size() ||
      out.components.size() != out.size() * out.dim) {
    throw InvalidInput(
        fmt::format("{}: {} components of {} elements do not fit components.npy, of {} numbers",
                    folder.string(), out.size(), out.dim, out.components.size()));
  }
  const nlohmann::json summary = read_summary(folder / "summary.json");
  if (!summary.contains("samples") || !summary.contains("total_variance") ||
      !summary["samples"].is_number_unsigned() || !summary["total_variance"].is_number()) {
    throw InvalidInput((folder / "summary.json").string() + ": names no samples and total_variance");
  }
  out.samples = summary["samples"].get<std::uint64_t>();
  out.total_variance = summary["total_variance"].get<double>();
  in_file(folder.string(), [&] { detail::check(out); });
  return out;
}

std::size_t read_sample_queries(const fs::path& folder) {
  const Shape shape = read_array(folder / "mean.npy").shape;
  return shape.size() == 2 ? shape[0] : 1;
}

ScoreKind read_score_kind(const fs::path& folder) {
  const fs::path path = folder / "summary.json";
  const nlohmann::json summary = read_summary(path);
  ScoreKind kind;
  if (summary.contains("normalisation")) {
    const nlohmann::json& of = summary["normalisation"];
    if (!of.is_string()) throw InvalidInput(path.string() + ": normalisation is " + of.dump() + ", no text");
    kind.normalisation = of.get<std::string>();
  }
  if (summary.contains("scale")) {
    const nlohmann::json& scale = summary["scale"];
    if (!scale.is_number()) throw InvalidInput(path.string() + ": scale is " + scale.dump() + ", no number");
    kind.scale = scale.get<double>();
  }
  return kind;
}

}  // namespace heavykeys::tools
