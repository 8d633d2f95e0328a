#include <algorithm>
#include <functional>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/shell_quote.h"
#include "apps/dit_eval/run_details.h"
#include "apps/dit_eval/verbs.h"
#include "core/printable.h"
#include "eval/machine_file.h"
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
    json["scores"][metric] = {{"mean", score.mean}, {"worst", score.worst}};
    if (score.standard_error) json["scores"][metric]["standard_error"] = *score.standard_error;
  }
  if (setting.oracle_gap) json["oracle_gap"] = *setting.oracle_gap;
  if (setting.caption_accuracy) json["caption_accuracy"] = *setting.caption_accuracy;
  return json;
}

std::string title_of(const fs::path& scenario) {
  const nlohmann::json document = read_json_file(scenario);
  return JsonReader(document, scenario.string()).text("name", "evaluation");
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

/// The run of each setting that was recorded step by step, in the order of the settings: of the scenario's first prompt
/// and seed.
std::vector<RunDetail> described_runs(const fs::path& folder, const std::vector<SettingSummary>& settings) {
  const nlohmann::json document = read_json_file(folder / "scenario.json");
  JsonReader scenario(document, (folder / "scenario.json").string());
  const std::vector<std::string> prompts = scenario.texts("prompts");
  const nlohmann::json seeds = scenario.has("seeds") ? scenario.value("seeds") : nlohmann::json::array({42U});
  if (prompts.empty()) scenario.fail("prompts", "is empty", "at least one prompt");
  if (!seeds.is_array() || seeds.empty() || !seeds.front().is_number_unsigned()) {
    scenario.fail("seeds", "begins with no seed", "a list of seeds");
  }
  std::vector<RunDetail> runs;
  for (const SettingSummary& setting : settings) {
    EvaluationRecord run;
    run.prompt = prompts.front();
    run.seed = seeds.front().get<std::uint64_t>();
    run.row = setting.row;
    run.cache = setting.cache;
    run.goal = setting.goal;
    const fs::path stem = detail_stem(folder, run);
    if (RunDetail::exists(stem)) runs.push_back(RunDetail::load(stem));
  }
  return runs;
}

/// The command that measures what the folder holds; a codec that the scenario itself asks for needs no option.
std::string command_of(const fs::path& folder, const nlohmann::ordered_json& machine) {
  const nlohmann::json document = read_json_file(folder / "scenario.json");
  const std::string own = JsonReader(document, (folder / "scenario.json").string()).text("through_codec", "");
  const std::string codec = machine.value("through_codec", ""), clips = machine.value("clips_folder", "");
  std::vector<std::string> words = {"dit-eval", "run", machine.value("scenario", "SCENARIO.json"), "-o",
                                    folder.string()};
  if (!codec.empty() && codec != own) words.insert(words.end(), {"--through-codec", codec});
  if (!clips.empty()) words.insert(words.end(), {"--clips", clips});
  return shell_quoted(words);
}

ReportContents contents_of(const fs::path& folder, const std::vector<SettingSummary>& settings,
                           const nlohmann::ordered_json& machine) {
  const fs::path scenario = folder / "scenario.json";
  ReportContents contents;
  contents.title = title_of(scenario);
  contents.machine = machine_line(machine);
  contents.command = command_of(folder, machine);
  contents.settings = settings;
  contents.rivals = rival_rows(scenario);
  contents.runs = described_runs(folder, settings);
  contents.without_runs =
      "No run was recorded step by step; the command above adds such records without measuring anything again.";
  return contents;
}

/// What the results were measured of, as OracleCurve::request says it; results of an earlier version name only a part.
std::map<std::string, std::string> request_of(const fs::path& folder, const nlohmann::ordered_json& machine) {
  if (machine.contains("request")) return machine["request"].get<std::map<std::string, std::string>>();
  std::map<std::string, std::string> request;
  if (machine.contains("model")) request["model"] = machine["model"].value("weight_hash", "");
  if (machine.contains("dtype")) request["dtype"] = machine["dtype"].get<std::string>();
  const nlohmann::json document = read_json_file(folder / "scenario.json");
  JsonReader scenario(document, (folder / "scenario.json").string());
  if (scenario.has("steps")) request["steps"] = std::to_string(scenario.integer("steps"));
  if (scenario.has("solver")) request["solver"] = scenario.text("solver");
  return request;
}

/// The curves of the given file, or the folder's own, that belong to the results. Of the folder's own, the others are
/// left out with a warning; a given file has to hold one that fits.
std::vector<OracleCurve> fitting_oracle(Program& program, const std::optional<fs::path>& given, const fs::path& folder,
                                        const std::map<std::string, std::string>& request,
                                        const std::vector<EvaluationRecord>& records) {
  std::error_code unknown;
  if (given && !fs::exists(*given, unknown)) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: cannot be read; accepted: a file of dit-eval oracle", given->string()));
  }
  const fs::path path = given.value_or(folder / "oracle.jsonl");
  std::vector<OracleCurve> fitting;
  std::vector<std::string> left_out;
  for (OracleCurve& curve : read_oracle(path)) {
    std::optional<std::string> reason = mismatch(curve, request);
    const auto is_measured = [&](const EvaluationRecord& r) {
      return r.prompt == curve.prompt && r.seed == curve.seed;
    };
    if (!reason && std::ranges::none_of(records, is_measured)) reason = "its prompt and seed were not measured";
    if (!reason) {
      fitting.push_back(std::move(curve));
      continue;
    }
    left_out.push_back(fmt::format("'{}' (seed {}): {}", printable(curve.prompt), curve.seed, *reason));
  }
  if (given && fitting.empty()) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: fits none of the results in {}: {}; accepted: a file of dit-eval oracle for their "
                            "scenario",
                            path.string(), folder.string(), left_out.empty() ? "it is empty" : left_out.front()));
  }
  for (const std::string& why : left_out) program.console.warn(fmt::format("{}: left out: {}", path.string(), why));
  return fitting;
}

/// As an interrupted run leaves them: some settings lack the clips of the later prompts.
void warn_of_other_clips(Program& program, const fs::path& folder, const std::vector<SettingSummary>& settings) {
  if (std::ranges::adjacent_find(settings, std::ranges::not_equal_to{}, &SettingSummary::clips) == settings.end())
    return;
  program.console.warn(fmt::format("{}: the settings have {} clips, so their rows are not over the same clips",
                                   folder.string(), clip_counts(settings)));
}

void write_page(const fs::path& folder, const ReportContents& contents) {
  // An earlier report may have had plots of a kind that this one has none of.
  AtomicFolder plots(folder / "plots", Existing::kReplace, {".svg", ".png"});
  AtomicFile page(folder / "report.html");
  page.write(render_report(contents, plots.temporary()));
  plots.commit();
  page.commit();
}

}  // namespace

ExitCode report_results(Program& program, const std::filesystem::path& folder,
                        const std::optional<std::filesystem::path>& oracle_file) {
  const std::vector<EvaluationRecord> records = read_records(folder / "records.jsonl");
  program.interrupt.watch_folder(folder);
  if (records.empty()) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: holds no records.jsonl with results; accepted: a folder written by dit-eval run",
                            folder.string()));
  }
  std::vector<SettingSummary> settings = summarise(records);
  for (const std::string& score : drop_partial_scores(settings)) {
    program.console.warn(
        fmt::format("{}: {} is left out where only some clips of a setting have it: run the scenario "
                    "again with it",
                    folder.string(), score));
  }
  const nlohmann::ordered_json machine = read_machine(folder / "machine.json");
  const std::vector<OracleCurve> oracle =
      fitting_oracle(program, oracle_file, folder, request_of(folder, machine), records);
  add_oracle_gaps(settings, records, oracle);
  warn_of_other_clips(program, folder, settings);
  write_page(folder, contents_of(folder, settings, machine));
  const std::string text = fmt::format("{}\n{} clips a setting.\n\n{}", machine_line(machine) + "\n",
                                       clip_counts(settings), markdown_table(settings)) +
                           oracle_note(oracle) + "\n" + metric_conventions(score_names_of(settings)) + "\n";
  write_text_file(folder / "report.md", text);
  program.console.note((folder / "report.html").string());
  program.console.result(text);
  for (const SettingSummary& setting : settings) program.console.event(to_json(setting));
  return ExitCode::kDone;
}

}  // namespace ditto
