#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/shell_quote.h"
#include "apps/dit_eval/run_details.h"
#include "apps/dit_eval/verbs.h"
#include "eval/oracle.h"
#include "eval/record.h"
#include "eval/report/report_page.h"
#include "eval/report/table.h"
#include "eval/summary.h"
#include "io/atomic_file.h"
#include "io/json_file.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

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

/// The rows of the scenario that spend fewer solver steps rather than cache.
std::set<std::string> rival_rows(const fs::path& scenario) {
  const nlohmann::json document = read_json_file(scenario);
  JsonReader reader(document, scenario.string());
  std::set<std::string> rivals;
  for (JsonReader& row : reader.objects("rows")) {
    if (row.boolean("rival", false)) rivals.insert(row.text("name"));
  }
  return rivals;
}

/// The run of each setting that was recorded step by step, in the order of the settings.
std::vector<RunDetail> described_runs(const fs::path& folder, const std::vector<SettingSummary>& settings,
                                      const EvaluationRecord& first) {
  std::vector<RunDetail> runs;
  for (const SettingSummary& setting : settings) {
    EvaluationRecord run = first;
    run.row = setting.row;
    run.cache = setting.cache;
    run.goal = setting.goal;
    const fs::path stem = detail_stem(folder, run);
    if (fs::exists(fs::path(stem) += ".json")) runs.push_back(RunDetail::load(stem));
  }
  return runs;
}

ReportContents contents_of(const fs::path& folder, const std::vector<EvaluationRecord>& records,
                           const std::vector<SettingSummary>& settings, const nlohmann::ordered_json& machine) {
  const fs::path scenario = folder / "scenario.json";
  ReportContents contents;
  contents.title = read_json_file(scenario).value("name", "evaluation");
  contents.machine = machine_line(machine);
  contents.command =
      shell_quoted({"dit-eval", "run", machine.value("scenario", "SCENARIO.json"), "-o", folder.string()});
  contents.settings = settings;
  contents.rivals = rival_rows(scenario);
  contents.runs = described_runs(folder, settings, records.front());
  contents.without_runs =
      "No run was recorded step by step; the command above adds such records without measuring anything again.";
  return contents;
}

void write_page(const fs::path& folder, const ReportContents& contents) {
  AtomicFolder plots(folder / "plots");
  AtomicFile page(folder / "report.html");
  page.write(render_report(contents, plots.temporary()));
  plots.commit();
  page.commit();
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
  write_page(folder, contents_of(folder, records, settings, machine));
  const std::string text = fmt::format("{}\n{} clips a setting.\n\n{}", machine_line(machine) + "\n",
                                       settings.front().clips, markdown_table(settings)) +
                           oracle_note(oracle);
  AtomicFile file(folder / "report.md");
  file.write(text);
  file.commit();
  program.console.note((folder / "report.html").string());
  program.console.result(text);
  for (const SettingSummary& setting : settings) program.console.event(to_json(setting));
  return ExitCode::kDone;
}

}  // namespace ditto
