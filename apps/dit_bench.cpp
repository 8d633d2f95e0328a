// dit-bench: how fast is it here? Ratios of interleaved repetitions in one run, never a bare absolute number.

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/machine.h"
#include "ditto.h"

namespace {

struct Options {
  std::filesystem::path model;
  std::string dtype = "fp32";
  int repetitions = 15;
  int steps = 50;
  int threads = 1;
  bool json = false;
  std::vector<std::string> settings;
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// Settings of a policy that never reuse, the costliest first: with all steps in the window of computed ones, or
/// nothing below the threshold, it still decides and stores at every site and step. Last what switches it off.
std::vector<std::string> idle_settings(const ditto::PolicyEntry& entry) {
  const auto has = [&](const char* option) {
    return std::ranges::find(entry.options, option, &ditto::OptionSpec::name) != entry.options.end();
  };
  std::vector<std::string> settings;
  if (has("first")) settings.push_back(entry.name + ":first=1000000");
  if (has("threshold")) settings.push_back(entry.name + ":threshold=1e-30");
  if (!entry.disabled.empty()) settings.push_back(entry.name + ":" + entry.disabled);
  return settings;
}

/// Denoising seconds of one run; throws when a policy that should be idle reused anything.
double denoise_seconds(const ditto::VideoModel& model, const std::string& setting, const Options& options) {
  const ditto::PolicySpec policy = ditto::parse_policy(setting);
  ditto::Request request;
  request.prompt = "a large red circle moving right on a white background";
  request.steps = options.steps;
  ditto::GenerateOptions generate_options;
  generate_options.decode = false;
  const ditto::Result result = ditto::generate(
      model, request,
      [&] {
        return ditto::make_policy({&policy, 1});
      },
      generate_options);
  if (result.counts.units_computed != result.units_total) {
    throw ditto::Error(ditto::ExitCode::kInternal, setting + ": reused at a setting that should compute everything");
  }
  return result.seconds.denoise;
}

/// One line: median of the pairs' ratios as overhead, and the median seconds of full compute.
void print(const std::string& setting, const std::vector<double>& ratios, const std::vector<double>& seconds,
           const Options& options) {
  const double overhead = 100 * (median(ratios) - 1);
  if (options.json) {
    std::cout << nlohmann::ordered_json{{"policy", setting},
                                        {"overhead_percent", overhead},
                                        {"full_seconds", median(seconds)},
                                        {"repetitions", options.repetitions}}
              << std::endl;
  } else {
    std::cout << fmt::format("{:<56} overhead {:+6.2f} %  (full compute {:.3f} s, {} pairs)", setting, overhead,
                             median(seconds), options.repetitions)
              << std::endl;
  }
}

/// The costliest setting of every policy that never reuses and that this model accepts: some need a measurement of it.
std::vector<std::string> idle_settings(const ditto::VideoModel& model, const Options& options) {
  std::vector<std::string> settings;
  for (const ditto::PolicyEntry& entry : ditto::policies()) {
    for (const std::string& setting : idle_settings(entry)) {
      try {
        denoise_seconds(model, setting, options);
      } catch (const ditto::Error& error) {
        if (error.code() != ditto::ExitCode::kUsage) throw;
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
void bench_policies(const ditto::VideoModel& model, const Options& options) {
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
    print(setting, ratios, seconds, options);
  }
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("dit-bench: ratios of interleaved repetitions on this machine", "dit-bench");
  app.require_subcommand(1);
  CLI::App* policies = app.add_subcommand("policies", "what each policy costs at a setting that never reuses");
  policies->add_option("settings", options.settings, "settings to measure (default: one of every policy)");
  policies->add_option("-m,--model", options.model, "a diffusers folder (default: the shipped miniature)");
  policies->add_option("--dtype", options.dtype, "fp32 or bf16")->check(CLI::IsMember({"fp32", "bf16"}));
  policies->add_option("--repetitions", options.repetitions, "pairs of runs per policy")->check(CLI::Range(1, 1000));
  policies->add_option("--steps", options.steps, "denoising steps of a run")->check(CLI::Range(1, 1000));
  policies->add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  policies->add_flag("--json", options.json, "one JSON object per line");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "dit-bench: error: " << error.what() << "\n";
    return static_cast<int>(ditto::ExitCode::kUsage);
  }
  at::set_num_threads(options.threads);
  ditto::LoadOptions load_options;
  load_options.dtype = options.dtype == "bf16" ? at::kBFloat16 : at::kFloat;
  const std::filesystem::path folder = options.model.empty() ? ditto::shipped_model() : options.model;
  const auto model = ditto::load_model(folder, load_options);
  std::cerr << fmt::format("{}, {} thread(s), {}, {}, {} steps\n", ditto::cpu_name(), at::get_num_threads(),
                           at::get_mkl_version(), options.dtype, options.steps);
  bench_policies(*model, options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const ditto::Error& error) {
    std::cerr << "dit-bench: error: " << error.what() << "\n";
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "dit-bench: error: internal: " << error.what() << "\n";
    return static_cast<int>(ditto::ExitCode::kInternal);
  }
}
