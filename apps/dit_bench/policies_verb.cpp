#include <algorithm>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/machine.h"
#include "apps/dit_bench/median.h"
#include "apps/dit_bench/verbs.h"
#include "ditto.h"

namespace ditto {
namespace {

/// Settings of a policy that never reuse, the costliest first: with all steps in the window of computed ones, or
/// nothing below the threshold, it still decides and stores at every site and step. Last what switches it off.
std::vector<std::string> idle_settings(const PolicyEntry& entry) {
  const auto has = [&](const char* option) {
    return std::ranges::find(entry.options, option, &OptionSpec::name) != entry.options.end();
  };
  std::vector<std::string> settings;
  if (has("first")) settings.push_back(entry.name + ":first=1000000");
  if (has("threshold")) settings.push_back(entry.name + ":threshold=1e-30");
  if (!entry.disabled.empty()) settings.push_back(entry.name + ":" + entry.disabled);
  return settings;
}

/// Denoising seconds of one run; throws when a policy that should be idle reused anything.
double denoise_seconds(const VideoModel& model, const std::string& setting, const PoliciesArguments& options) {
  const PolicySpec policy = parse_policy(setting);
  Request request;
  request.prompt = "a large red circle moving right on a white background";
  request.steps = options.steps;
  GenerateOptions generate_options;
  generate_options.decode = false;
  const Result result = generate(
      model, request,
      [&] {
        return make_policy({&policy, 1});
      },
      generate_options);
  if (result.counts.units_computed != result.units_total) {
    throw Error(ExitCode::kInternal, setting + ": reused at a setting that should compute everything");
  }
  return result.seconds.denoise;
}

/// One line: median of the pairs' ratios as overhead, and the median seconds of full compute.
void print(Console& console, const std::string& setting, const std::vector<double>& ratios,
           const std::vector<double>& seconds, int repetitions) {
  const double overhead = 100 * (median(ratios) - 1);
  console.event({{"policy", setting},
                 {"overhead_percent", overhead},
                 {"full_seconds", median(seconds)},
                 {"repetitions", repetitions}});
  console.result(fmt::format("{:<56} overhead {:+6.2f} %  (full compute {:.3f} s, {} pairs)", setting, overhead,
                             median(seconds), repetitions));
}

/// The costliest setting of every policy that never reuses and that this model accepts: some need a measurement of it.
std::vector<std::string> idle_settings(const VideoModel& model, const PoliciesArguments& options) {
  std::vector<std::string> settings;
  for (const PolicyEntry& entry : policies()) {
    for (const std::string& setting : idle_settings(entry)) {
      try {
        denoise_seconds(model, setting, options);
      } catch (const Error& error) {
        if (error.code() != ExitCode::kUsage) throw;
        continue;
      }
      settings.push_back(setting);
      break;
    }
  }
  return settings;
}

/// Overhead of policies at settings that never reuse: each run is paired with a run without policy right beside it, in
/// alternating order, and the median of the pairs' ratios is printed.
void bench_policies(Console& console, const VideoModel& model, const PoliciesArguments& options) {
  for (const std::string& setting : options.settings.empty() ? idle_settings(model, options) : options.settings) {
    denoise_seconds(model, setting, options);
    std::vector<double> ratios, seconds;
    for (int k = 0; k < options.repetitions; ++k) {
      const bool policy_first = k % 2 == 0;
      const double first = denoise_seconds(model, policy_first ? setting : "none", options);
      const double second = denoise_seconds(model, policy_first ? "none" : setting, options);
      ratios.push_back(policy_first ? first / second : second / first);
      seconds.push_back(policy_first ? second : first);
    }
    print(console, setting, ratios, seconds, options.repetitions);
  }
}

}  // namespace

ExitCode bench_policies(Program& program, const PoliciesArguments& arguments) {
  at::set_num_threads(arguments.threads);
  LoadOptions load_options;
  load_options.dtype = arguments.dtype == "bf16" ? at::kBFloat16 : at::kFloat;
  const auto model = load_model(arguments.model.empty() ? shipped_model() : arguments.model, load_options);
  program.console.note(fmt::format("{}, {} thread(s), {}, {}, {} steps", cpu_name(), at::get_num_threads(),
                                   at::get_mkl_version(), arguments.dtype, arguments.steps));
  bench_policies(program.console, *model, arguments);
  return ExitCode::kDone;
}

}  // namespace ditto
