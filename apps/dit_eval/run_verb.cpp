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
  Scenario scenario = Scenario::read(arguments.scenario);
  if (arguments.crf) scenario.crf = arguments.crf;
  for (const std::string& metric : scenario.left_out) program.console.warn(metric);
  try {
    Evaluation evaluation(program, scenario, arguments.folder);
    std::vector<ForeignClip> clips;
    if (arguments.clips) clips = read_foreign_clips(*arguments.clips, scenario);
    evaluation.open_folder();
    evaluation.open_records();
    if (arguments.clips) evaluation.score_clips(*arguments.clips, std::move(clips));
    evaluation.run();
  } catch (const Cancelled&) {
    throw Error(ExitCode::kInterrupted,
                fmt::format("interrupted: stopped after a step; the same command goes on where it stopped ({})",
                            arguments.folder.string()));
  }
  return report_results(program, arguments.folder, std::nullopt);
}

}  // namespace ditto
