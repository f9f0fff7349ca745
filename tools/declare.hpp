// What declarations of verbs share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "tools/options.hpp"

namespace heavykeys::tools {

/// Adds a verb whose options live as long as its callback, and are handed over when it was the one given.
template <typename VerbOptions>
std::pair<CLI::App*, VerbOptions*> add_verb(CLI::App& app, Options& chosen, const char* name,
                                            const char* description, const char* example) {
  auto values = std::make_shared<VerbOptions>();
  CLI::App* verb = app.add_subcommand(name, description);
  verb->footer(std::string("Example:\n  ") + example);
  verb->callback([values, &chosen] { chosen = *values; });
  return {verb, values.get()};
}

/// CLI11 would take "" for no option at all.
inline std::string not_empty(const std::string& text) {
  return text.empty() ? "must be a number" : std::string();
}

/// CLI11 would wrap -1 around to a large unsigned number.
inline std::string not_negative(const std::string& text) {
  if (text.empty()) return not_empty(text);
  return text.starts_with('-') ? "must not be negative, but is " + text : std::string();
}

/// 0 would stand for no option at all.
inline std::string not_zero(const std::string& text) {
  std::string wrong = not_negative(text);
  if (!wrong.empty()) return wrong;
  return text.find_first_not_of("0.") == std::string::npos ? "must be positive, but is " + text
                                                           : std::string();
}

inline constexpr const char* kTensorHelp = ".npy, FILE.safetensors:TENSOR, or - for an .npy stream on stdin";

/// --engine and --threads.
void add_engine(CLI::App& verb, EngineOptions& engine);

// One file each: the verbs of options.cpp are the sketch's.
void declare_eigen(CLI::App& app, Options& chosen);
void declare_reconstruct(CLI::App& app, Options& chosen);
void declare_plant(CLI::App& app, Options& chosen);

}  // namespace heavykeys::tools
