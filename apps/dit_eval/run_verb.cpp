#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/dit_eval/evaluation.h"
#include "apps/dit_eval/scenario.h"
#include "apps/dit_eval/verbs.h"

namespace ditto {

ExitCode run_scenario(Program& program, const RunArguments& arguments) {
  if (arguments.folder.empty()) {
    throw Error(ExitCode::kUsage, "-o: is missing; accepted: a folder for the results");
  }
  const Scenario scenario = Scenario::read(arguments.scenario);
  try {
    Evaluation(program, scenario, arguments.folder).run();
  } catch (const Cancelled&) {
    program.console.note(
        fmt::format("interrupted; the same command goes on where it stopped ({})", arguments.folder.string()));
    return ExitCode::kInterrupted;
  }
  return report_results(program, arguments.folder);
}

}  // namespace ditto
