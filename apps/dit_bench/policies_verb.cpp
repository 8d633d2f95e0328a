#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/Parallel.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/machine.h"
#include "apps/dit_bench/verbs.h"
#include "core/error.h"
#include "ditto.h"
#include "eval/summary.h"

namespace ditto {
namespace {

bool has_option(const PolicyEntry& entry, std::string_view name) {
  return std::ranges::find(entry.options, name, &OptionSpec::name) != entry.options.end();
}

/// What one run took: all of denoising, and the parts of it that only a policy causes.
struct Cost {
  double seconds = 0, deciding = 0, blending = 0;
  double computed = 1;  ///< share of the units

  bool reuses() const { return computed < 1; }
};

Cost run(const VideoModel& model, const std::string& setting, const PoliciesArguments& options) {
  const PolicySpec policy = parse_policy(setting);
  GenerateOptions generate_options;
  generate_options.stop = options.stop;
  generate_options.decode = false;
  generate_options.engine.record_steps = true;
  const auto make = [&] { return make_policy({&policy, 1}); };
  const Result result = generate(model, options.clip.request(), make, generate_options);
  Cost cost{.seconds = result.seconds.denoise,
            .computed = static_cast<double>(result.counts.units_computed) / static_cast<double>(result.units_total)};
  for (const StepRecord& step : result.step_records) {
    cost.deciding += step.seconds_of(StepPart::kDeciding);
    cost.blending += step.seconds_of(StepPart::kBlends);
  }
  return cost;
}

/// What one run takes, or nothing when this model does not accept the setting: some need a measurement of it.
std::optional<Cost> try_run(const VideoModel& model, const std::string& setting, const PoliciesArguments& options) {
  try {
    return run(model, setting, options);
  } catch (const Error& error) {
    if (error.code() != ExitCode::kUsage && error.code() != ExitCode::kBadInputFile) throw;
    return std::nullopt;
  }
}

/// The costliest setting of a policy that never reuses: with nothing below the threshold, or all steps in the window of
/// computed ones, it may still decide and store at every site and step. Last what switches it off.
std::string idle_setting(const VideoModel& model, const PolicyEntry& entry, const PoliciesArguments& options) {
  std::vector<std::string> settings;
  if (has_option(entry, "threshold")) settings.push_back(entry.name + ":threshold=1e-30");
  if (has_option(entry, "first")) settings.push_back(entry.name + ":first=1000000");
  if (!entry.disabled.empty()) settings.push_back(entry.name + ":" + entry.disabled);
  for (const std::string& setting : settings) {
    const std::optional<Cost> cost = try_run(model, setting, options);
    if (cost && !cost->reuses()) return setting;
  }
  return {};
}

/// The threshold that computes about half of the units.
std::string half_threshold(const VideoModel& model, const PolicyEntry& entry, const PoliciesArguments& options) {
  double low = 1e-4, high = 10;
  std::string setting;
  for (int halving = 0; halving < 12; ++halving) {
    const double middle = std::sqrt(low * high);
    setting = fmt::format("{}:threshold={:.4g}", entry.name, middle);
    (run(model, setting, options).computed > 0.5 ? low : high) = middle;
  }
  return setting;
}

/// A setting that computes about half of the units, as near as the policy's options come to it.
std::string half_setting(const VideoModel& model, const PolicyEntry& entry, const PoliciesArguments& options) {
  std::vector<std::string> settings;
  if (has_option(entry, "compute"))
    settings.push_back(fmt::format("{}:compute={}", entry.name, options.clip.steps / 2));
  if (has_option(entry, "interval")) settings.push_back(entry.name + ":interval=2");
  if (has_option(entry, "threshold") && try_run(model, entry.name, options)) {
    settings.push_back(half_threshold(model, entry, options));
  }
  settings.push_back(entry.name);
  for (const std::string& setting : settings) {
    const std::optional<Cost> cost = try_run(model, setting, options);
    if (cost && cost->reuses()) return setting;
  }
  return {};
}

std::vector<std::string> usual_settings(const VideoModel& model, const PoliciesArguments& options) {
  std::vector<std::string> settings;
  for (const PolicyEntry& entry : policies()) {
    settings.push_back(idle_setting(model, entry, options));
    settings.push_back(half_setting(model, entry, options));
  }
  std::erase(settings, "");
  return settings;
}

/// A setting against full compute: each run is paired with one without policy right beside it, in alternating order.
struct Measurement {
  std::string setting;
  std::vector<double> ratios, full_seconds, deciding, blending;  ///< by pair; the last two as shares of full compute
  double computed = 1;
};

Measurement measure(const VideoModel& model, const std::string& setting, const PoliciesArguments& options) {
  Measurement measured;
  measured.setting = setting;
  measured.computed = run(model, setting, options).computed;
  for (int k = 0; k < options.repetitions; ++k) {
    const bool policy_first = k % 2 == 0;
    const Cost first = run(model, policy_first ? setting : "none", options);
    const Cost second = run(model, policy_first ? "none" : setting, options);
    const Cost& policy = policy_first ? first : second;
    const Cost& full = policy_first ? second : first;
    measured.ratios.push_back(policy.seconds / full.seconds);
    measured.full_seconds.push_back(full.seconds);
    measured.deciding.push_back(policy.deciding / full.seconds);
    measured.blending.push_back(policy.blending / full.seconds);
  }
  return measured;
}

/// One line, from medians over the pairs: the overhead of a setting that computes everything, or how far the saved
/// seconds lag behind the saved units, and how much of full compute goes to deciding (with storing) and to blending.
void print(Console& console, const Measurement& measured) {
  const double seconds = median(measured.full_seconds), ratio = median(measured.ratios);
  const double deciding = 100 * median(measured.deciding), blending = 100 * median(measured.blending);
  nlohmann::ordered_json event = {{"policy", measured.setting}};
  std::string text;
  if (measured.computed == 1) {
    event["overhead_percent"] = 100 * (ratio - 1);
    text = fmt::format("overhead {:+6.2f} %", 100 * (ratio - 1));
  } else {
    event["saved_units_percent"] = 100 * (1 - measured.computed);
    event["saved_seconds_percent"] = 100 * (1 - ratio);
    event["gap_percent"] = 100 * (ratio - measured.computed);
    text = fmt::format("saves {:4.1f} % of the units, {:4.1f} % of the seconds: gap {:+5.2f} %",
                       100 * (1 - measured.computed), 100 * (1 - ratio), 100 * (ratio - measured.computed));
  }
  event.update({{"deciding_percent", deciding},
                {"blending_percent", blending},
                {"full_seconds", seconds},
                {"repetitions", measured.ratios.size()}});
  console.event(event);
  console.result(fmt::format("{:<56} {}; deciding {:.2f} %, blending {:.2f} % of full compute ({:.3f} s, {} pairs)",
                             measured.setting, text, deciding, blending, seconds, measured.ratios.size()));
}

}  // namespace

ExitCode bench_policies(Program& program, const PoliciesArguments& arguments) {
  for (const std::string& setting : arguments.settings) parse_policy(setting);  // a mistake is said before the work
  at::set_num_threads(arguments.threads);
  LoadOptions load_options;
  load_options.dtype = arguments.dtype == "bf16" ? at::kBFloat16 : at::kFloat;
  const auto model = load_model(arguments.clip.model_folder(), load_options);
  announce_machine(program.console);
  run(*model, "none", arguments);  // what the model cannot make is said once
  const std::vector<std::string> settings =
      arguments.settings.empty() ? usual_settings(*model, arguments) : arguments.settings;
  if (settings.empty()) {
    throw Error(ExitCode::kUsage, fmt::format("--steps: {}: no policy reuses anything in so few; accepted: more steps",
                                              arguments.clip.steps));
  }
  for (const std::string& setting : settings) print(program.console, measure(*model, setting, arguments));
  return ExitCode::kDone;
}

}  // namespace ditto
