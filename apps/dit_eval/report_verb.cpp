#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/dit_eval/verbs.h"
#include "eval/oracle.h"
#include "eval/record.h"
#include "eval/report/table.h"
#include "eval/summary.h"
#include "io/atomic_file.h"
#include "io/json_file.h"

namespace ditto {
namespace {

nlohmann::ordered_json to_json(const SettingSummary& setting) {
  nlohmann::ordered_json json = {{"row", setting.row},           {"cache", setting.cache},
                                 {"goal", setting.goal},         {"clips", setting.clips},
                                 {"seconds", setting.seconds},   {"speedup", setting.speedup},
                                 {"computed", setting.computed}, {"cache_bytes", setting.cache_bytes}};
  for (const auto& [metric, score] : setting.scores) {
    json["scores"][metric] = {{"mean", score.mean}, {"standard_error", score.standard_error}, {"worst", score.worst}};
  }
  if (setting.oracle_gap) json["oracle_gap"] = *setting.oracle_gap;
  if (setting.caption_accuracy) json["caption_accuracy"] = *setting.caption_accuracy;
  return json;
}

}  // namespace

ExitCode report_results(Program& program, const std::filesystem::path& folder,
                        const std::optional<std::filesystem::path>& oracle_file) {
  const std::vector<EvaluationRecord> records = read_records(folder / "records.jsonl");
  if (records.empty()) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: holds no records.jsonl with results; accepted: a folder written by dit-eval run",
                            folder.string()));
  }
  std::vector<SettingSummary> settings = summarise(records);
  if (oracle_file && !std::filesystem::exists(*oracle_file)) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: cannot be read; accepted: a file of dit-eval oracle", oracle_file->string()));
  }
  const std::vector<OracleCurve> oracle = read_oracle(oracle_file.value_or(folder / "oracle.jsonl"));
  add_oracle_gaps(settings, records, oracle);
  const nlohmann::ordered_json machine = read_json_file(folder / "machine.json");
  const std::string text = fmt::format("{}\n{} clips a setting.\n\n{}", machine_line(machine) + "\n",
                                       settings.front().clips, markdown_table(settings)) +
                           oracle_note(oracle);
  AtomicFile file(folder / "report.md");
  file.write(text);
  file.commit();
  program.console.result(text);
  for (const SettingSummary& setting : settings) program.console.event(to_json(setting));
  return ExitCode::kDone;
}

}  // namespace ditto
