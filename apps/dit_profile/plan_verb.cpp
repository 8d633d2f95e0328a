#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/arguments.h"
#include "apps/common/input_guard.h"
#include "apps/common/session.h"
#include "apps/dit_profile/closed_loop.h"
#include "apps/dit_profile/verbs.h"
#include "caches/planners/planner.h"
#include "core/error.h"
#include "eval/metrics/psnr.h"
#include "io/atomic_file.h"
#include "models/registry.h"

namespace ditto {
namespace {

constexpr int kMaxSteps = 1000;

struct PlanArguments {
  std::filesystem::path profile;
  PlanRequest request;
  std::filesystem::path output;
  bool overwrite = false;
  ModelArguments model;  ///< of the closed loop, as are the prompts
  std::optional<std::filesystem::path> prompts;
  VoiceFlags voice;
};

/// What running a schedule computes.
struct Cost {
  int visited = 0;  ///< steps that are not jumped over
  int steps = 0;
  double share = 0;  ///< of the units of a full run
};

Cost cost_of(const Trace& schedule) {
  const auto cached = std::ranges::count(schedule.events, Action::kBlend, &TraceEvent::action);
  const auto branches = static_cast<double>(std::max<std::size_t>(schedule.run.branches.size(), 1));
  const double computed = schedule.run.grid.size() - static_cast<double>(cached) / branches;
  return {schedule.run.grid.size(), schedule.run.steps, computed / schedule.run.steps};
}

/// A letter for each step, as Trace::pattern has it, for each branch that decides on its own.
std::vector<std::string> patterns_of(const Trace& schedule) {
  std::vector<std::string> patterns;
  for (const Branch branch : schedule.run.branches) {
    const std::string site = schedule.run.sites.empty() ? "" : schedule.run.sites.front().name;
    std::string pattern = schedule.pattern(site, branch);
    if (site.empty()) std::ranges::replace(pattern, '-', 'C');
    if (std::ranges::find(patterns, pattern) == patterns.end()) patterns.push_back(std::move(pattern));
  }
  return patterns;
}

std::vector<int> computed_steps_of(const std::string& pattern) {
  std::vector<int> steps;
  for (std::size_t step = 0; step < pattern.size(); ++step) {
    if (pattern[step] == 'C') steps.push_back(static_cast<int>(step));
  }
  return steps;
}

std::string text_of(const std::vector<PlanFigure>& figures) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : figures) parts.push_back(fmt::format("{} {:.4g}", name, value));
  return fmt::format("{}", fmt::join(parts, ", "));
}

nlohmann::ordered_json to_json(const std::vector<PlanFigure>& figures) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : figures) json[name] = value;
  return json;
}

void refuse_options_without_effect(const PlanArguments& arguments) {
  const ModelArguments& model = arguments.model;
  const std::pair<const char*, bool> given[] = {{"--model", !model.folder.empty()},
                                                {"--device", model.device.has_value()},
                                                {"--dtype", model.dtype.has_value()},
                                                {"--kernels", model.kernels.has_value()},
                                                {"--threads", model.threads.has_value()},
                                                {"--no-verify", model.no_verify},
                                                {"--prompt-clean", model.prompt_clean.has_value()}};
  for (const auto& [option, is_given] : given) {
    if (!is_given || arguments.prompts) continue;
    throw Error(ExitCode::kUsage,
                fmt::format("{}: has no effect without a closed loop; accepted: with --prompts FILE", option));
  }
}

/// The schedule replaces nothing that planning reads, and can be written.
void check_output(const PlanArguments& arguments) {
  const auto files = Profile::files(arguments.profile);
  std::vector<std::filesystem::path> inputs(files.begin(), files.end());
  if (arguments.prompts) {
    inputs.push_back(*arguments.prompts);
    inputs.push_back(arguments.model.folder.empty() ? shipped_model() : arguments.model.folder);
  }
  refuse_input_as_output(arguments.output, inputs);
  require_writable_target(arguments.output, arguments.overwrite);
}

/// Of a root mean square error of pixels between 0 and 1; capped as the metrics are, for plans that compute everything.
double decibels(double error) { return std::min(-20 * std::log10(error), kPsnrCap); }

class Report {
 public:
  Report(Program& program, const PlanArguments& arguments, const ProfilePlan& plan)
      : program_(program), arguments_(arguments), plan_(plan), cost_(cost_of(plan.schedule)) {}

  void show() const {
    for (const std::string& pattern : patterns_of(plan_.schedule)) {
      program_.console.result(pattern);
      program_.console.result(fmt::format("computed: {}", fmt::join(computed_steps_of(pattern), ",")));
    }
    program_.console.result(fmt::format("cost: {} of {} steps visited, {:.1f} % of the units computed", cost_.visited,
                                        cost_.steps, 100 * cost_.share));
    program_.console.result(fmt::format("predicted: {}", text_of(plan_.predicted)));
    for (const MeasuredPlan& candidate : plan_.candidates) {
      program_.console.result(fmt::format("  {}: measured PSNR {:.2f} dB; predicted {}", candidate.rules,
                                          decibels(candidate.measured), text_of(candidate.predicted)));
    }
    if (plan_.measured) {
      const std::string even =
          plan_.even ? fmt::format(", {} even steps {:.2f} dB", cost_.visited, decibels(*plan_.even)) : "";
      program_.console.result(
          fmt::format("measured: PSNR {:.2f} dB to full compute{} (pixels not rounded, mean over "
                      "the prompts)",
                      decibels(*plan_.measured), even));
    }
    program_.console.result(arguments_.output.string());
    program_.console.event(event());
  }

 private:
  nlohmann::ordered_json event() const {
    nlohmann::ordered_json json = {{"event", "planned"},
                                   {"output", arguments_.output.string()},
                                   {"plan", plan_.schedule.run.policies.front()},
                                   {"patterns", patterns_of(plan_.schedule)},
                                   {"steps", {{"visited", cost_.visited}, {"total", cost_.steps}}},
                                   {"units_share", cost_.share},
                                   {"predicted", to_json(plan_.predicted)},
                                   {"measured_psnr", nullptr},
                                   {"even_psnr", nullptr},
                                   {"candidates", nlohmann::ordered_json::array()}};
    if (plan_.measured) json["measured_psnr"] = decibels(*plan_.measured);
    if (plan_.even) json["even_psnr"] = decibels(*plan_.even);
    for (const MeasuredPlan& candidate : plan_.candidates) {
      json["candidates"].push_back({{"rules", candidate.rules},
                                    {"patterns", patterns_of(candidate.schedule)},
                                    {"predicted", to_json(candidate.predicted)},
                                    {"measured_psnr", decibels(candidate.measured)}});
    }
    return json;
  }

  Program& program_;
  const PlanArguments& arguments_;
  const ProfilePlan& plan_;
  Cost cost_;
};

std::string planner_names() {
  std::vector<std::string> names;
  for (const PlannerEntry& planner : planners()) names.push_back(planner.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

void add_planner_options(CLI::App& verb, PlanRequest& request) {
  add_text_option(verb, "--policy", planner_names(), "NAME", [&](const std::string& text) {
    request.policy = text;
  })->required();
  add_text_option(verb, "--compute", "steps to compute", "N", [&](const std::string& text) {
    request.compute = static_cast<int>(parse_integer("--compute", text, 1, kMaxSteps));
  })->required();
  add_text_option(verb, "--criterion", "jumps: auto, sum, q2, q4 or minimax (default: auto with --prompts, else q4)",
                  "NAME", [&](const std::string& text) { request.criterion = text; });
  add_text_option(verb, "--average",
                  "jumps: of the prompts' errors, rms or geometric (default: both with auto, else geometric)", "NAME",
                  [&](const std::string& text) { request.average = text; });
  add_text_option(
      verb, "--emphasis",
      "jumps: an error at the start counts exp(X) times as much as one at the end (default: 0, 1 and 2 with "
      "auto, else 1)",
      "X", [&](const std::string& text) { request.emphasis = parse_number("--emphasis", text, 0, 10); });
  add_integer_option(verb, "--refine",
                     "jumps: with --prompts, move steps while the clips come nearer, at most N rounds", 1, kMaxSteps,
                     request.refine);
  add_integer_option(verb, "--order",
                     "jumps: of the solver's predictor, 1 or 2 (default: the solver's); dpcache: of the forecast, 1 "
                     "(default) or 2",
                     1, 2, request.order);
  add_text_option(verb, "--form", "dpcache: forecast the stack's state (default) or delta", "NAME",
                  [&](const std::string& text) { request.form = text; });
  add_integer_option(verb, "--max-gap", "jumps, dpcache: the largest distance between steps (default: 16, any)", 1,
                     kMaxSteps, request.max_gap);
  add_integer_option(verb, "--first", "jumps, dpcache: steps that are always computed at the start (default: 1, 3)", 1,
                     kMaxSteps, request.first);
  add_integer_option(verb, "--last", "jumps, dpcache: steps that are always computed at the end (default: 0)", 0,
                     kMaxSteps, request.last);
  add_integer_option(verb, "--max-reuse", "magcache: consecutive reuses (default: 4)", 1, kMaxSteps, request.max_reuse);
  add_text_option(verb, "--retention", "magcache: share of the steps computed at the start (default: 0.2)", "R",
                  [&](const std::string& text) { request.retention = parse_number("--retention", text, 0, 1); });
}

void add_options(CLI::App& command, PlanArguments& arguments) {
  command.add_option("NAME", arguments.profile, "a profile")->required();
  add_planner_options(command, arguments.request);
  add_path_option(command, "-o,--output", "the schedule to write (JSON Lines)", "FILE", arguments.output)->required();
  command.add_flag("-y,--overwrite", arguments.overwrite, "replace an existing schedule");
  add_path_option(command, "--prompts", "run the plans on these prompts, which should not be those of the profile",
                  "FILE", arguments.prompts);
  add_model_options(command, arguments.model);
  arguments.voice.add_to(command);
}

ExitCode plan(Program& program, const PlanArguments& arguments) {
  arguments.voice.apply_to(program.console);
  refuse_options_without_effect(arguments);
  check_output(arguments);
  const Profile profile = Profile::read(arguments.profile);
  PlanRequest request = arguments.request;
  std::optional<ClosedLoop> loop;
  if (arguments.prompts) {
    loop.emplace(program, arguments.model, *arguments.prompts, profile);
    request.runner = {[&](const Trace& schedule, int prompt) { return loop->error(schedule, prompt); },
                      loop->prompts()};
  }
  const ProfilePlan found = plan_from_profile(profile, request);
  found.schedule.write(arguments.output);
  Report(program, arguments, found).show();
  return ExitCode::kDone;
}

}  // namespace

Verb plan_verb(CLI::App& app) {
  CLI::App* command = app.add_subcommand("plan", "a schedule for a number of computed steps, from a profile");
  const auto arguments = std::make_shared<PlanArguments>();
  add_options(*command, *arguments);
  return {command, [arguments](Program& program) { return plan(program, *arguments); }};
}

}  // namespace ditto
