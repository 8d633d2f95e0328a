#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/common/program.h"
#include "apps/common/session.h"
#include "apps/dit_eval/foreign_clips.h"
#include "apps/dit_eval/results_folder.h"
#include "apps/dit_eval/run_details.h"
#include "apps/dit_eval/scenario.h"
#include "apps/dit_eval/settings.h"
#include "caches/registry.h"
#include "eval/record.h"

namespace ditto {

/// Runs a scenario into a folder: `scenario.json`, `machine.json`, `tuning.json`, `records.jsonl`, the frames of full
/// compute under `full/`, kept by the hash of their request, and one run of each row step by step under `details/`.
/// What is there already is not run again, so an interrupted evaluation goes on where it stopped. Throws Cancelled.
class Evaluation {
 public:
  /// Writes nothing. Throws Error(kUsage) when the folder holds other files or results of another scenario,
  /// Error(kBadInputFile) when the model cannot make what the scenario asks for, row by row.
  Evaluation(Program& program, const Scenario& scenario, std::filesystem::path folder);

  /// Makes the folder, where it is to hold results, and keeps other runs out of it.
  void open_folder() { folder_.open(program_.interrupt); }

  /// Then reads what was measured and writes `machine.json`; comes before run() and score_clips(). Throws Error(kUsage)
  /// when the folder holds results of other weights, of another commit of Ditto or of another machine.
  void open_records();

  void run();

  /// Scores the clips of another program, read from `folder`, as the scenario's own are, and keeps their records.
  void score_clips(const std::filesystem::path& folder, std::vector<ForeignClip> clips);

  const VideoModel& model() const { return *session_.model; }
  Request request_for(const std::string& prompt, std::uint64_t seed) const;
  /// A hash of everything that full compute of the request depends on.
  std::string request_key(const Request& request) const;
  /// What all requests of the scenario share, resolved, in words.
  std::map<std::string, std::string> shared_request() const;
  /// Frames of full compute, made and kept when they are not there yet.
  at::Tensor full_frames(const Request& request) const;

 private:
  struct Reference {
    at::Tensor frames;
    at::Tensor coded;  ///< as they come back from the codec; undefined when the scenario has none
  };
  struct Full {
    Reference clip;
    double seconds = 0;
  };

  /// What requests of a scenario share: weights, size, steps and so on.
  std::map<std::string, std::string> in_words(const ResolvedRequest& request) const;
  Result generate_once(const Request& request, const std::vector<PolicySpec>& policies) const;
  double time_full(const Request& request) const;
  Full full_compute(const Request& request) const;

  void refuse_impossible_settings() const;
  /// Drops the records of settings that goals no longer choose, or of files as they were before.
  void forget_other_settings(const std::vector<Setting>& settings) const;
  SpeedUps tune_row(const ScenarioRow& row);
  static EvaluationRecord clip_of(const Setting& setting, const Request& request);
  Reference reference_of(at::Tensor frames) const;
  bool is_done(const EvaluationRecord& record) const;
  std::size_t count_pending(const std::vector<Setting>& settings) const;
  void keep(EvaluationRecord record, const Reference& reference, const at::Tensor& frames);
  void time_again(EvaluationRecord& record, const std::vector<PolicySpec>& policies, const Request& request) const;
  void measure(const Setting& setting, const Request& request, const Full& full);
  void measure_all(const std::vector<Setting>& settings);
  std::vector<Setting> described(const std::vector<Setting>& settings) const;
  void describe(const Setting& setting, const Request& request);
  void report_progress(const std::string& what);
  void warn_once(const std::string& warning);

  Program& program_;
  const Scenario& scenario_;
  ResultsFolder folder_;
  Session session_;
  std::map<std::string, EvaluationRecord> done_;  ///< by key
  std::set<std::string> warned_;
  std::size_t finished_ = 0, planned_ = 0;  ///< clips, with those that an earlier run measured
  std::size_t measured_ = 0, pending_ = 0;  ///< without them
  std::chrono::steady_clock::time_point start_;
};

}  // namespace ditto
