// heavykeys: parse, dispatch, and one line for whatever goes wrong.
#include <csignal>
#include <exception>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/version.hpp"
#include "tools/options.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace {

using namespace heavykeys;
using namespace heavykeys::tools;

constexpr int kFailed = 1;
constexpr int kBadInput = 2;

/// Scripts read one line: text that came from a file name or a header must not make it two.
int report(const std::string& text, int exit_code) {
  write_stderr("heavykeys: " + printable(text) + "\n");
  return exit_code;
}

int run_command(int argc, char** argv) {
  CLI::App app("Finds the keys that can attract heavy attention, in one pass. Docs: README.md", "heavykeys");
  app.set_version_flag("--version", std::string("heavykeys ") + version());
  Options options;
  declare_verbs(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    write_stdout(app.help());  // of the verb, where one was given
    return 0;
  } catch (const CLI::CallForVersion& flag) {
    write_stdout(std::string(flag.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    // CLI11 would only say that a subcommand is missing.
    const bool unknown_verb = argc > 1 && app.get_subcommands().empty() && argv[1][0] != '-';
    if (unknown_verb) return report("unknown verb \"" + std::string(argv[1]) + "\" (try --help)", kBadInput);
    return report(std::string(error.what()) + " (try --help)", kBadInput);
  }
  std::visit([](const auto& verb) { run(verb); }, options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is an error return of write, not the end of the process
  keep_standard_descriptors_open();
  try {
    return run_command(argc, argv);
  } catch (const InvalidInput& error) {
    return report(error.what(), kBadInput);
  } catch (const Incompatible& error) {
    return report(error.what(), kBadInput);
  } catch (const Corrupt& error) {
    return report(error.what(), kBadInput);
  } catch (const std::bad_alloc&) {
    return report("out of memory", kFailed);
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}
