// heavykeys engines: what this build can use here.
#include <fmt/format.h>

#include "heavykeys/isa.hpp"
#include "tools/engine.hpp"
#include "tools/summary.hpp"
#include "tools/terminal.hpp"
#include "tools/verbs.hpp"

namespace heavykeys::tools {

void run(const EnginesOptions& options) {
  const auto engines = available_engines();
  const std::string chosen = auto_engine();
  const std::string active = active_isa();
  if (options.json) {
    Json json{{"heavykeys", version()}, {"engines", Json::array()}};
    for (const auto& [name, threads] : engines)
      json["engines"].push_back({{"name", name}, {"threads", threads}});
    json["auto"] = chosen;
    json["isas"] = available_isas();
    json["active_isa"] = active;
    return write_stdout(to_text(json));
  }
  std::string text;
  for (const auto& [name, threads] : engines) {
    const char* note = name == chosen ? "   (auto)" : name == "mpi" ? " a rank, under mpirun" : "";
    text += fmt::format("  {:<10} {} thread{}{}\n", name, threads, threads == 1 ? "" : "s", note);
  }
  text += "  isa       ";
  for (const std::string& isa : available_isas()) text += isa == active ? " [" + isa + "]" : " " + isa;
  write_stdout("engines of this build, and the instruction sets of this machine ([in use])\n" + text + "\n");
}

}  // namespace heavykeys::tools
