// The command's arguments: any of them end in a usage error of one line, or in a run.
//
// The verbs do run, in a folder of their own in memory: paths among the parsed options are brought inside it,
// inputs to in/, outputs to out/, which is emptied after each run.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <new>
#include <numeric>
#include <vector>

#include "fuzz/target.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "tools/component_files.hpp"
#include "tools/job.hpp"
#include "tools/options.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace fuzz {

namespace {

using namespace heavykeys;
using namespace heavykeys::tools;
namespace fs = std::filesystem;

constexpr std::size_t kMostArguments = 32;
constexpr int kMostThreads = 3;    // a thread is the operating system's, and thousands of them are slow
constexpr int kTooMany = 1 << 13;  // refused, so they may stay

/// The folder in memory, with a few small inputs, and nothing on stdin or stdout.
class Sandbox {
 public:
  Sandbox() {
    const fs::path memory = fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    root_ = memory / ("heavykeys-fuzz-" + std::to_string(::getpid()));
    fs::create_directories(root_ / "in");
    fs::create_directories(root_ / "out");
    write_inputs(root_ / "in");
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  /// The file of in/ or out/ of this name, which loses its slashes. "" and "-" mean no file.
  std::string inside(const char* folder, std::string name) const {
    if (name.empty() || name == "-") return name;
    for (char& c : name) c = c == '/' || c == '\0' ? '_' : c;
    if (name == "." || name == "..") name = "dots";
    return (root_ / folder / name).string();
  }
  void empty_out() const {
    for (const auto& entry : fs::directory_iterator(root_ / "out")) fs::remove_all(entry.path());
  }

 private:
  static void write_inputs(const fs::path& in) {
    std::vector<float> values(36);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((i * 7) % 11) - 5.0f;
    write_npy(in / "k", "<f4", {12, 3}, values.data());
    write_npy(in / "q", "<f4", {2, 3}, values.data());
    write_npy(in / "h", "<f4", {2, 6, 3}, values.data());
    const std::vector<float> pattern{1, 0, 3, 0, 2, 0, 0, 0, 1, 1, 5, 0};
    write_npy(in / "m", "<f4", {4, 3}, pattern.data());
    const std::vector<std::int64_t> ids{0, 3, 5};
    write_npy(in / "u", "<i8", {ids.size()}, ids.data());
    for (const char* name : {"s", "t"}) {
      Sketch sketch({.dim = 3, .epsilon = 0.25});
      streaming::absorb(sketch, rows(values.data(), 6, 3, *name == 's' ? 0 : 6));
      streaming::save(sketch, in / name);
    }
    Sketch sampled({.dim = 3, .epsilon = 0.25, .score = Score::expressive()});
    streaming::absorb(sampled, rows(values.data(), 12, 3));
    streaming::save(sampled, in / "x");
    write_components_inputs(in, values);
  }
  /// Two score matrices, their covariance and its components.
  static void write_components_inputs(const fs::path& in, const std::vector<float>& values) {
    write_npy(in / "w", "<f4", {2, 3, 3}, values.data());
    Covariance covariance({.dim = 3});
    streaming::absorb(covariance, rows(values.data(), 6, 3));
    streaming::save(covariance, in / "c");
    fs::create_directories(in / "e");
    const PrincipalComponents components = principal_components(covariance);
    write_components(in / "e", components, false,
                     R"({"samples": 6, "of": "rows", "total_variance": )" +
                         std::to_string(components.total_variance) + "}");
  }

  fs::path root_;
};

const Sandbox& sandbox() {
  static const Sandbox one;
  return one;
}

/// stdin is empty and stdout goes nowhere, while it lives.
class SilentStreams {
 public:
  SilentStreams() : in_(::dup(0)), out_(::dup(1)), null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {
    ::dup2(null_, 0);
    ::dup2(null_, 1);
  }
  SilentStreams(const SilentStreams&) = delete;
  SilentStreams& operator=(const SilentStreams&) = delete;
  ~SilentStreams() {
    ::dup2(in_, 0);
    ::dup2(out_, 1);
    for (int file : {in_, out_, null_}) ::close(file);
  }

 private:
  int in_, out_, null_;
};

void confine(EngineOptions& engine) {
  if (engine.threads && *engine.threads < kTooMany) engine.threads = std::min(*engine.threads, kMostThreads);
}
void confine(ReportOptions& report) {
  report.out = sandbox().inside("out", report.out);
  report.page = sandbox().inside("out", report.page);
  report.tokens = sandbox().inside("in", report.tokens);
  report.quiet = true;  // progress would go to the fuzzer's terminal
}
void confine(FindOptions& o) {
  o.keys = sandbox().inside("in", o.keys);
  o.queries = sandbox().inside("in", o.queries);
  confine(o.engine);
  confine(o.report);
}
void confine(ScanVerbOptions& o) {
  o.keys = sandbox().inside("in", o.keys);
  o.queries = sandbox().inside("in", o.queries);
  o.audit = sandbox().inside("in", o.audit);
  confine(o.engine);
  confine(o.report);
}
void confine(SketchOptions& o) {
  o.keys = sandbox().inside("in", o.keys);
  o.resume = sandbox().inside("in", o.resume);
  o.out = sandbox().inside("out", o.out);
  o.checkpoint = sandbox().inside("out", o.checkpoint);
  confine(o.engine);
  o.quiet = true;
}
void confine(MergeOptions& o) {
  for (std::string& input : o.inputs) input = sandbox().inside("in", input);
  o.out = sandbox().inside("out", o.out);
}
void confine(FinalizeOptions& o) {
  o.sketch = sandbox().inside("in", o.sketch);
  o.queries = sandbox().inside("in", o.queries);
  confine(o.engine);
  confine(o.report);
}
void confine(ShowOptions& o) { o.sketch = sandbox().inside("in", o.sketch); }
void confine(PlantVerbOptions& o) {
  o.pattern = sandbox().inside("in", o.pattern);
  o.out = sandbox().inside("out", o.out);
  if (o.random) o.random = std::min<std::size_t>(*o.random, 64);
  // A bound or a search may ask for any dimension.
  o.plant.dim = std::clamp<std::size_t>(o.plant.dim, 1, 16);
  o.smallest_dim = false;
  confine(o.engine);
}
void confine(EigenOptions& o) {
  for (std::string* name : {&o.queries, &o.keys, &o.scores}) *name = sandbox().inside("in", *name);
  for (std::string& name : o.from) name = sandbox().inside("in", name);
  o.save = sandbox().inside("out", o.save);
  o.out = sandbox().inside("out", o.out);
  confine(o.engine);
  o.quiet = true;
}
void confine(OverlapOptions& o) {
  o.a = sandbox().inside("in", o.a);
  o.b = sandbox().inside("in", o.b);
}
void confine(ReconstructOptions& o) {
  o.folder = sandbox().inside("in", o.folder);
  confine(o.samples);
  o.out = sandbox().inside("out", o.out);
}
void confine(EnginesOptions&) {}

std::vector<std::string> arguments(Bytes input) {
  std::vector<std::string> out{"heavykeys"};
  std::string argument;
  for (std::byte b : input) {
    const char c = static_cast<char>(b);
    if (c == '\n') {
      out.push_back(std::move(argument));
      argument.clear();
      if (out.size() > kMostArguments) return out;
    } else if (c != '\0') {  // no argument can hold one
      argument += c;
    }
  }
  if (!argument.empty()) out.push_back(std::move(argument));
  return out;
}

/// As tools/main.cpp. False when nothing is to be run.
bool parse(const std::vector<std::string>& arguments, Options& options) {
  CLI::App app("fuzzed", "heavykeys");
  app.set_version_flag("--version", std::string("heavykeys ") + version());
  declare_verbs(app, options);
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  try {
    app.parse(static_cast<int>(argv.size()), argv.data());
    return true;
  } catch (const CLI::CallForHelp&) {
    require(!app.help().empty(), "help says something");
  } catch (const CLI::CallForVersion& flag) {
    require(std::string(flag.what()) == std::string("heavykeys ") + version(), "the version is printed");
  } catch (const CLI::ParseError& error) {
    require(!printable(error.what()).empty(), "a usage error says something");
  }
  return false;
}

}  // namespace

void command(Bytes input) {
  Options options;
  if (!parse(arguments(input), options)) return;
  const SilentStreams silent;
  std::visit([](auto& verb) { confine(verb); }, options);
  Job job(false);  // of one process, as without mpirun
  try {
    std::visit(
        [&](const auto& verb) {
          if constexpr (requires { run(verb, job); }) {
            run(verb, job);
          } else {
            run(verb);
          }
        },
        options);
  } catch (const Error& error) {
    const std::string line = printable(error.what());
    require(!line.empty() && line.find('\n') == std::string::npos, "an error is one line");
  }
  sandbox().empty_out();
}

}  // namespace fuzz
