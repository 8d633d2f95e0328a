#include "apps/dit_eval/evaluation.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/detail_recorder.h"
#include "apps/common/machine.h"
#include "apps/dit_eval/blame_file.h"
#include "apps/dit_eval/clip_source.h"
#include "apps/dit_eval/codec_pass.h"
#include "apps/dit_eval/results_origin.h"
#include "core/error.h"
#include "core/printable.h"
#include "eval/machine_file.h"
#include "eval/metrics/miniature_attributes.h"
#include "eval/metrics/registry.h"
#include "eval/score_name.h"
#include "eval/summary.h"
#include "io/frame_hash.h"
#include "io/safetensors.h"
#include "io/sha256.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr int kWarmUpSteps = 2;
constexpr std::size_t kMostDescribed = 30;
constexpr double kDescribedGoal = 2;
constexpr int kClipsBetweenFullRuns = 8;  // full compute is timed again so often: the machine's speed drifts

/// Whether two records are of the same measurement, whatever it was scored by.
bool is_same_run(const EvaluationRecord& a, const EvaluationRecord& b) {
  const auto facts = [](const EvaluationRecord& record) {
    return std::tie(record.seconds, record.full_seconds, record.units_computed, record.units_total,
                    record.branch_steps_computed, record.branch_steps_total, record.cache_bytes, record.frame_hash);
  };
  return facts(a) == facts(b);
}

std::optional<bool> caption_verdict(const std::string& prompt, const at::Tensor& frames) {
  const std::optional<MiniatureAttributes> named = caption_attributes(prompt);
  if (!named || frames.size(1) != frames.size(2) || frames.size(1) < 32) return std::nullopt;
  return read_attributes(frames) == *named;
}

}  // namespace

Evaluation::Evaluation(Program& program, const Scenario& scenario, fs::path folder)
    : program_(program), scenario_(scenario), folder_(std::move(folder), scenario.path) {
  ModelArguments arguments;
  arguments.folder = scenario.model;
  arguments.device = scenario.device;
  arguments.dtype = scenario.dtype;
  arguments.threads = scenario.threads;
  blame_file(scenario.path, [&] {
    session_ = open_session(arguments, program.console);
    shared_request();  // refuses what the model cannot make
  });
  refuse_impossible_settings();
  for (const std::string& prompt : scenario.prompts) {
    if (const auto warning = session_.model->text_warning(prompt)) {
      program.console.warn(fmt::format("'{}' {}", printable(prompt), *warning));
    }
  }
}

/// Before the first row is measured, which may take hours.
void Evaluation::refuse_impossible_settings() const {
  const Request request = request_for(scenario_.prompts.front(), scenario_.seeds.front());
  for (const ScenarioRow& row : scenario_.rows) {
    for (const std::string& value : row.values) {
      blame_file(scenario_.path, [&] {
        try {
          outline(*session_.model, request, *make_policy(row.policies(value)));
        } catch (const Error& error) {
          throw Error(error.code(),
                      fmt::format("row '{}': {}: {}", printable(row.name), row.setting(value), error.what()));
        }
      });
    }
  }
}

void Evaluation::open_records() {
  const ModelIdentity& model = session_.model->denoiser().topology().identity;
  nlohmann::ordered_json machine = describe_machine();
  machine["model"] = {{"name", model.name}, {"weight_hash", model.weight_hash}};
  machine["device"] = scenario_.device;
  machine["dtype"] = scenario_.dtype;
  machine["presets"] = presets_digest();
  machine["request"] = shared_request();
  machine["scenario"] = shown_path(scenario_.path);
  for (const EvaluationRecord& record : folder_.records()) done_.emplace(record.key(), record);
  const fs::path description = folder_ / "machine.json";
  const bool has_results = !done_.empty() || fs::exists(folder_ / "tuning.json");
  if (has_results && fs::exists(description)) {
    const nlohmann::ordered_json earlier = read_machine(description);
    refuse_other_origin(folder_.path(), earlier, machine);
    for (const char* key : {"clips", "clips_folder", "through_codec"}) {  // their scores are still in the table
      if (earlier.contains(key)) machine[key] = earlier[key];
    }
  }
  if (scenario_.crf) machine["through_codec"] = fmt::format("crf={}", *scenario_.crf);
  folder_.write("machine.json", machine.dump(2) + "\n");
}

Request Evaluation::request_for(const std::string& prompt, std::uint64_t seed) const {
  Request request = scenario_.request;
  request.prompt = prompt;
  request.seed = seed;
  return request;
}

Result Evaluation::generate_once(const Request& request, const std::vector<PolicySpec>& policies) const {
  GenerateOptions options;
  options.stop = program_.interrupt.token();
  return generate(
      *session_.model, request, [&] { return make_policy(policies); }, options);
}

double Evaluation::time_full(const Request& request) const {
  GenerateOptions options;
  options.stop = program_.interrupt.token();
  options.decode = false;
  return generate(*session_.model, request, options).seconds.denoise;
}

std::map<std::string, std::string> Evaluation::in_words(const ResolvedRequest& request) const {
  return {{"model", session_.model->denoiser().topology().identity.weight_hash},
          {"negative", request.negative},
          {"size", fmt::format("{}x{}x{}", request.width, request.height, request.frames)},
          {"steps", std::to_string(request.steps)},
          {"guidance", fmt::format("{}", request.guidance)},
          {"shift", fmt::format("{}", request.shift)},
          {"solver", request.solver},
          {"dtype", scenario_.dtype}};
}

std::string Evaluation::request_key(const Request& request) const {
  const ResolvedRequest resolved = resolve(*session_.model, request);
  nlohmann::json identity = in_words(resolved);
  identity["prompt"] = resolved.prompt;
  identity["seed"] = resolved.seed;
  identity["device"] = scenario_.device;
  identity["version"] = DITTO_VERSION;
  return sha256(identity.dump());
}

std::map<std::string, std::string> Evaluation::shared_request() const {
  return in_words(resolve(*session_.model, request_for(scenario_.prompts.front(), scenario_.seeds.front())));
}

at::Tensor Evaluation::full_frames(const Request& request) const {
  // Another build's frames are no reference for this one's.
  const fs::path path = folder_ / "full" / (sha256(request_key(request) + ditto_commit()) + ".safetensors");
  if (fs::exists(path)) return SafetensorsFile(path).tensor("frames");
  const at::Tensor frames = generate_once(request, {}).frames;
  save_safetensors(path, {{"frames", frames}});
  return frames;
}

Evaluation::Full Evaluation::full_compute(const Request& request) const {
  Full full;
  full.clip = reference_of(full_frames(request));
  full.seconds = time_full(request);
  return full;
}

SpeedUps Evaluation::tune_row(const ScenarioRow& row) {
  std::map<std::string, std::vector<double>> measured;
  for (int k = 0; k < std::min<int>(scenario_.tuning_prompts, static_cast<int>(scenario_.prompts.size())); ++k) {
    const Request request = request_for(scenario_.prompts[static_cast<std::size_t>(k)], scenario_.seeds.front());
    const double full = time_full(request);
    for (const std::string& value : row.values) {
      report_progress(fmt::format("tuning {}: {}", row.name, value));
      const double seconds = generate_once(request, row.policies(value)).seconds.denoise;
      measured[value].push_back(full / seconds);
    }
  }
  SpeedUps speed_ups;
  for (const auto& [value, ratios] : measured) speed_ups[value] = median(ratios);
  return speed_ups;
}

EvaluationRecord Evaluation::clip_of(const Setting& setting, const Request& request) {
  EvaluationRecord record;
  record.row = setting.row->name;
  record.cache = setting.name;
  record.goal = setting.goal;
  record.prompt = request.prompt;
  record.seed = request.seed;
  record.inputs = setting.inputs;
  return record;
}

Evaluation::Reference Evaluation::reference_of(at::Tensor frames) const {
  return {frames, scenario_.crf ? through_codec(frames, *scenario_.crf) : at::Tensor()};
}

bool Evaluation::is_done(const EvaluationRecord& record) const {
  const auto found = done_.find(record.key());
  if (found == done_.end() || found->second.inputs != record.inputs) return false;
  return std::ranges::all_of(scenario_.metrics, [&](const std::string& metric) {
    const std::map<std::string, double>& scores = found->second.scores;
    return scores.contains(metric) && (!scenario_.crf || scores.contains(score_name(metric, scenario_.crf)));
  });
}

void Evaluation::keep(EvaluationRecord record, const Reference& reference, const at::Tensor& frames) {
  const auto score = [&](const at::Tensor& expected, const at::Tensor& seen, std::optional<double> crf) {
    for (const std::string& metric : scenario_.metrics) {
      const MetricResult result = find_metric("metrics", metric).evaluate(expected, seen);
      record.scores[score_name(metric, crf)] = result.mean;
      record.worst[score_name(metric, crf)] = result.worst;
    }
  };
  score(reference.frames, frames, std::nullopt);
  if (scenario_.crf) score(reference.coded, through_codec(frames, *scenario_.crf), scenario_.crf);
  record.caption_right = caption_verdict(record.prompt, frames);
  record.frame_hash = frame_hash(frames);
  // Scores that this run did not ask for stay true of equal frames: those through another codec, say.
  const auto earlier = done_.find(record.key());
  if (earlier != done_.end() && earlier->second.frame_hash == record.frame_hash &&
      earlier->second.inputs == record.inputs) {
    record.scores.insert(earlier->second.scores.begin(), earlier->second.scores.end());
    record.worst.insert(earlier->second.worst.begin(), earlier->second.worst.end());
  }
  fs::remove(detail_stem(folder_.path(), record) += ".json");  // what an earlier measurement did step by step
  folder_.append(record);
  done_.insert_or_assign(record.key(), std::move(record));
}

void Evaluation::time_again(EvaluationRecord& record, const std::vector<PolicySpec>& policies,
                            const Request& request) const {
  GenerateOptions options;
  options.stop = program_.interrupt.token();
  options.decode = false;
  std::vector<double> seconds, full_seconds;
  for (int k = 0; k < scenario_.repetitions; ++k) {
    full_seconds.push_back(time_full(request));
    const PolicyFactory policy = [&] { return make_policy(policies); };
    seconds.push_back(generate(*session_.model, request, policy, options).seconds.denoise);
  }
  record.seconds = median(seconds);
  record.full_seconds = median(full_seconds);
}

void Evaluation::measure(const Setting& setting, const Request& request, const Full& full) {
  const std::vector<PolicySpec> policies = setting.row->policies(setting.value);
  const Result result = generate_once(request, policies);
  EvaluationRecord record = clip_of(setting, request);
  record.seconds = result.seconds.denoise;
  record.full_seconds = full.seconds;
  if (scenario_.repetitions > 1) time_again(record, policies, request);
  record.units_computed = result.counts.units_computed;
  record.units_total = result.units_total;
  record.branch_steps_computed = result.counts.branch_steps_computed;
  record.branch_steps_total = result.branch_steps_total;
  record.cache_bytes = result.cache_bytes_peak;
  keep(std::move(record), full.clip, result.frames);
  for (const std::string& warning : result.warnings) warn_once(fmt::format("{}: {}", setting.name, warning));
}

void Evaluation::warn_once(const std::string& warning) {
  if (warned_.insert(warning).second) program_.console.warn(warning);
}

/// The settings that are recorded step by step: all, or of very many those tuned to the goal nearest to 2x.
std::vector<Setting> Evaluation::described(const std::vector<Setting>& settings) const {
  if (settings.size() <= kMostDescribed || scenario_.goals.empty()) return settings;
  const auto distance = [](double goal) { return std::abs(std::log(goal / kDescribedGoal)); };
  const double goal = *std::ranges::min_element(scenario_.goals, {}, distance);
  std::vector<Setting> chosen;
  std::ranges::copy_if(settings, std::back_inserter(chosen), [&](const Setting& s) { return s.goal == goal; });
  return chosen;
}

void Evaluation::describe(const Setting& setting, const Request& request) {
  const std::vector<std::string> specifications = setting.row->specifications(setting.value);
  const std::vector<PolicySpec> policies = setting.row->policies(setting.value);
  DetailRecorder recorder;
  GenerateOptions options;
  options.stop = program_.interrupt.token();
  recorder.watch_full(options);
  const Result full = generate(*session_.model, request, options);
  recorder.watch_cached(options);
  for (const PolicySpec& policy : policies) options.policy_names.push_back(policy.resolved());
  const Result cached = generate(
      *session_.model, request, [&] { return make_policy(policies); }, options);
  RunDetail detail = recorder.finish(full, cached);
  detail.row = setting.row->name;
  detail.goal = setting.goal;
  detail.cache = setting.name;
  detail.prompt = request.prompt;
  detail.seed = request.seed;
  detail.command = run_command(scenario_, request, specifications);
  detail.save(detail_stem(folder_.path(), clip_of(setting, request)));
}

void Evaluation::run() {
  Request warm_up = request_for(scenario_.prompts.front(), scenario_.seeds.front());
  warm_up.steps = kWarmUpSteps;
  time_full(warm_up);
  const std::vector<Setting> settings =
      choose_settings(scenario_, folder_ / "tuning.json", [this](const ScenarioRow& row) { return tune_row(row); });
  measure_all(settings);
  forget_other_settings(settings);
  const Request first = request_for(scenario_.prompts.front(), scenario_.seeds.front());
  for (const Setting& setting : described(settings)) {
    if (RunDetail::exists(detail_stem(folder_.path(), clip_of(setting, first)))) continue;
    report_progress(fmt::format("step by step: {}: {}", setting.row->name, setting.name));
    describe(setting, first);
  }
}

void Evaluation::forget_other_settings(const std::vector<Setting>& settings) const {
  folder_.keep_records([&](const EvaluationRecord& record) {
    const bool of_scenario = std::ranges::find(scenario_.rows, record.row, &ScenarioRow::name) != scenario_.rows.end();
    return !of_scenario || std::ranges::any_of(settings, [&](const Setting& setting) {
      return setting.row->name == record.row && setting.name == record.cache && setting.goal == record.goal &&
             setting.inputs == record.inputs;
    });
  });
}

std::size_t Evaluation::count_pending(const std::vector<Setting>& settings) const {
  std::size_t pending = 0;
  for (const std::string& prompt : scenario_.prompts) {
    for (const std::uint64_t seed : scenario_.seeds) {
      const Request request = request_for(prompt, seed);
      for (const Setting& setting : settings) pending += is_done(clip_of(setting, request)) ? 0 : 1;
    }
  }
  return pending;
}

void Evaluation::measure_all(const std::vector<Setting>& settings) {
  planned_ = settings.size() * scenario_.prompts.size() * scenario_.seeds.size();
  pending_ = count_pending(settings);
  finished_ = measured_ = 0;
  start_ = std::chrono::steady_clock::now();
  for (const std::string& prompt : scenario_.prompts) {
    for (const std::uint64_t seed : scenario_.seeds) {
      const Request request = request_for(prompt, seed);
      std::optional<Full> full;
      int since_full = 0;
      for (const Setting& setting : settings) {
        ++finished_;
        if (is_done(clip_of(setting, request))) continue;
        if (!full) full = full_compute(request);
        if (++since_full % kClipsBetweenFullRuns == 0) full->seconds = time_full(request);
        measure(setting, request, *full);
        ++measured_;
        report_progress(fmt::format("{}: {}", setting.row->name, setting.name));
      }
    }
  }
}

void Evaluation::score_clips(const fs::path& folder, std::vector<ForeignClip> clips) {
  nlohmann::ordered_json machine = read_machine(folder_ / "machine.json");
  const std::string about = text_of(folder / "about.txt");
  if (!about.empty()) machine["clips"] = about.substr(0, about.find('\n'));
  machine["clips_folder"] = shown_path(folder);
  folder_.write("machine.json", machine.dump(2) + "\n");
  std::map<fs::path, Reference> references;
  for (ForeignClip& clip : clips) {
    ClipSource reference = ClipSource::read(clip.reference), frames = ClipSource::read(clip.frames);
    make_comparable(reference, frames, false);
    if (!frames.frames.defined()) {
      throw Error(ExitCode::kBadInputFile, fmt::format("{}: holds latents; accepted: frames", clip.frames.string()));
    }
    clip.record.frame_hash = frame_hash(frames.frames);
    clip.record.inputs = frame_hash(reference.frames);
    if (is_done(clip.record) && is_same_run(clip.record, done_.at(clip.record.key()))) continue;
    if (!references.contains(clip.reference)) references[clip.reference] = reference_of(reference.frames);
    report_progress(fmt::format("scoring {}: {}", clip.record.row, clip.record.prompt));
    keep(clip.record, references.at(clip.reference), frames.frames);
  }
}

void Evaluation::report_progress(const std::string& what) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double left =
      measured_ == 0 ? 0 : seconds / static_cast<double>(measured_) * static_cast<double>(pending_ - measured_);
  const std::string line =
      planned_ == 0 ? what : fmt::format("clip {}/{}  ETA {:.0f} s  {}", finished_, planned_, left, what);
  if (program_.console.redraws()) {
    program_.console.status(line);
  } else if (finished_ % 20 == 0) {
    program_.console.note(line);
  }
}

}  // namespace ditto
