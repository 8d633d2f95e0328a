#include "apps/dit_eval/results_folder.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/atomic_file.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr auto kLock = ".dit-eval.lock";
constexpr auto kRecords = "records.jsonl";
constexpr auto kScenario = "scenario.json";

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (!failed) return;
  throw Error(ExitCode::kOutputFailed, fmt::format("{}: cannot be made: {}; accepted: a folder that can be written",
                                                   shown_path(folder), failed.message()));
}

void refuse_foreign_folder(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored) || fs::is_empty(folder, ignored)) return;
  const bool own = fs::is_directory(folder / "full", ignored) && fs::exists(folder / kScenario, ignored);
  if (own) return;
  throw Error(ExitCode::kUsage, fmt::format("-o: {} is not empty and not by dit-eval; accepted: a new or empty folder",
                                            shown_path(folder)));
}

/// A start that came to no result holds nothing.
void refuse_other_scenario(const fs::path& folder, const std::string& scenario) {
  std::error_code ignored;
  const auto has = [&](const char* name) { return fs::exists(folder / name, ignored); };
  const bool has_results = has(kRecords) || has("tuning.json") || has("oracle.jsonl");
  if (!has_results || !has(kScenario) || text_of(folder / kScenario) == scenario) return;
  throw Error(ExitCode::kUsage,
              fmt::format("-o: {} holds results of another scenario; accepted: a new folder", shown_path(folder)));
}

}  // namespace

std::string shown_path(const fs::path& path) { return printable(path.string(), 1000); }

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

ResultsFolder::ResultsFolder(fs::path path, fs::path scenario)
    : path_(std::move(path)), scenario_(std::move(scenario)) {
  refuse_foreign_folder(path_);
  refuse_other_scenario(path_, text_of(scenario_));
}

ResultsFolder::~ResultsFolder() {
  std::error_code ignored;
  if (lock_) fs::remove(path_ / kLock, ignored);
}

void ResultsFolder::open(Interrupt& interrupt) {
  make_folder(path_ / "full");
  make_folder(path_ / "details");
  lock_.emplace(path_ / kLock, path_);
  for (const fs::path& folder : {path_, path_ / "full", path_ / "details"}) interrupt.watch_folder(folder);
  write(kScenario, text_of(scenario_));
  const fs::path file = path_ / kRecords;
  const std::string text = text_of(file);
  if (!text.empty() && text.back() != '\n') fs::resize_file(file, text.rfind('\n') + 1);
}

std::vector<EvaluationRecord> ResultsFolder::records() const { return read_records(path_ / kRecords); }

void ResultsFolder::append(const EvaluationRecord& record) const { append_record(path_ / kRecords, record); }

void ResultsFolder::keep_records(const std::function<bool(const EvaluationRecord&)>& wanted) const {
  std::string kept;
  bool all = true;
  for (const EvaluationRecord& record : records()) {
    if (wanted(record)) {
      kept += record.to_json().dump() + "\n";
    } else {
      all = false;
    }
  }
  if (!all) write(kRecords, kept);
}

void ResultsFolder::write(const char* name, const std::string& text) const { write_text_file(path_ / name, text); }

}  // namespace ditto
