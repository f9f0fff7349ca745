// heavykeys: parse, dispatch, and one line for whatever goes wrong.
#include <csignal>
#include <exception>
#include <string>
#include <string_view>

#include "heavykeys/error.hpp"
#include "heavykeys/version.hpp"
#include "tools/job.hpp"
#include "tools/options.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace {

using namespace heavykeys;
using namespace heavykeys::tools;

constexpr int kFailed = 1;
constexpr int kBadInput = 2;

/// True when the command line asks for the ranks of MPI. Looked up ahead of everything else, so that they say
/// once, and not each of them, what is wrong with it.
bool asks_for_mpi(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--engine=mpi") return true;
    if (argument == "--engine" && i + 1 < argc && std::string_view(argv[i + 1]) == "mpi") return true;
  }
  return false;
}

/// Scripts read one line: text that came from a file name or a header must not make it two.
int report(const Job& job, const std::string& text, int exit_code) {
  if (job.is_first()) write_stderr("heavykeys: " + printable(text) + "\n");
  return exit_code;
}

/// The line and the exit code of an error. One that other ranks do not know of ends them, too: they would
/// wait for this one.
int end_with(Job& job, const std::string& text, int exit_code) {
  if (job.failed_alike()) return report(job, text, exit_code);
  write_stderr("heavykeys: " + printable("rank " + std::to_string(job.rank()) + ": " + text) + "\n");
  job.abandon(exit_code);
}

int run_command(int argc, char** argv, Job& job) {
  CLI::App app("Finds the keys that can attract heavy attention, in one pass. Docs: README.md", "heavykeys");
  app.set_version_flag("--version", std::string("heavykeys ") + version());
  Options options;
  declare_verbs(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    if (job.is_first()) write_stdout(app.help());  // of the verb, where one was given
    return 0;
  } catch (const CLI::CallForVersion& flag) {
    if (job.is_first()) write_stdout(std::string(flag.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    // CLI11 would only say that a subcommand is missing.
    const bool unknown_verb = argc > 1 && app.get_subcommands().empty() && argv[1][0] != '-';
    const std::string text = unknown_verb ? "unknown verb \"" + std::string(argv[1]) + "\"" : error.what();
    return report(job, text + " (try --help)", kBadInput);
  }
  std::visit(
      [&](const auto& verb) {
        if constexpr (requires { run(verb, job); }) {
          run(verb, job);
        } else {
          run(verb);
        }
      },
      options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is an error return of write, not the end of the process
  keep_standard_descriptors_open();
  Job job(asks_for_mpi(argc, argv));
  try {
    return run_command(argc, argv, job);
  } catch (const InvalidInput& error) {
    return end_with(job, error.what(), kBadInput);
  } catch (const Incompatible& error) {
    return end_with(job, error.what(), kBadInput);
  } catch (const Corrupt& error) {
    return end_with(job, error.what(), kBadInput);
  } catch (const std::bad_alloc&) {
    return end_with(job, "out of memory", kFailed);
  } catch (const std::exception& error) {
    return end_with(job, error.what(), kFailed);
  }
}
