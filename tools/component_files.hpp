// Principal components as a folder of arrays: what `heavykeys eigen` writes and `heavykeys overlap` reads.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "heavykeys/eigen_analysis.hpp"
#include "tools/results.hpp"

namespace heavykeys::tools {

/// The files of one folder.
extern const ResultKind kComponentFiles;

/// mean, components, variances, explained_variance and element_variances, .npy; those of whole matrices as
/// [n, n] and [r, n, n]. Throws BackendError.
void write_components(const std::filesystem::path& folder, const PrincipalComponents& components, bool whole,
                      const std::string& summary);

/// Inverse of write_components. Throws InvalidInput naming what is missing or does not belong together.
PrincipalComponents read_components(const std::filesystem::path& folder);

/// Rows of scores in a sample: n where the components are of whole n x n matrices, else 1.
std::size_t read_sample_queries(const std::filesystem::path& folder);

/// What scores the components are of, as far as the folder tells.
struct ScoreKind {
  std::string normalisation = "none";
  std::optional<double> scale;  ///< of q.k
};

/// Throws InvalidInput for a normalisation that is no text, or a scale that is no number.
ScoreKind read_score_kind(const std::filesystem::path& folder);

}  // namespace heavykeys::tools
