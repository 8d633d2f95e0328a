#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "caches/even_steps.h"
#include "caches/planners/jump_trials.h"
#include "caches/planners/planner.h"
#include "core/error.h"

namespace ditto {
namespace {

constexpr const char* kAuto = "auto";
constexpr double kEmphases[] = {0, 1, 2};  // that a closed loop chooses from

int order_of(const Profile& profile, const PlanRequest& request) {
  const int highest = profile.run.solver == "unipc" ? 2 : 1;
  const int order = request.order.value_or(highest);
  if (order >= 1 && order <= highest) return order;
  throw Error(ExitCode::kUsage, fmt::format("--order: {} is not possible for solver {}; accepted: {}", order,
                                            profile.run.solver, highest == 2 ? "1, 2" : "1"));
}

JumpCriterion criterion_of(const std::string& name) {
  for (const JumpCriterion known : kJumpCriteria) {
    if (name == criterion_name(known)) return known;
  }
  throw Error(ExitCode::kUsage,
              fmt::format("--criterion: '{}' is not possible; accepted: auto, sum, q2, q4, minimax", name));
}

PromptAverage average_of(const std::string& name) {
  for (const PromptAverage known : kPromptAverages) {
    if (name == average_name(known)) return known;
  }
  throw Error(ExitCode::kUsage, fmt::format("--average: '{}' is not possible; accepted: rms, geometric", name));
}

double sum_of(const std::vector<double>& errors) { return std::accumulate(errors.begin(), errors.end(), 0.0); }

/// Plans sub-schedules from one profile.
class JumpPlanner {
 public:
  JumpPlanner(const Profile& profile, const PlanRequest& request)
      : profile_(profile),
        request_(request),
        order_(order_of(profile, request)),
        goal_({.nodes = request.compute, .first = request.first.value_or(1), .last = request.last.value_or(0)}),
        max_gap_(request.max_gap.value_or(JumpOptions().max_gap)),
        errors_(gram(), profile.sigmas, order_),
        trials_(request.runner.prompts, [this](const std::vector<int>& nodes, int prompt) {
          return request_.runner.error(schedule_of(nodes, kAuto), prompt);
        }) {}

  ProfilePlan plan() {
    const bool runs = static_cast<bool>(request_.runner);
    const bool is_auto = request_.criterion ? *request_.criterion == kAuto : runs;
    if (!runs && is_auto) {
      throw Error(ExitCode::kUsage, "--criterion: auto runs the plans of all criteria; accepted: with --prompts FILE");
    }
    if (!runs && request_.refine) {
      throw Error(ExitCode::kUsage, "--refine: runs neighbours of the plan; accepted: with --prompts FILE");
    }
    return runs ? plan_by_running(is_auto ? open_rules() : std::vector{rule()}) : plan_by(rule());
  }

 private:
  Gram gram() const {
    const at::Tensor& array = profile_.array("gram");
    const int size = 2 * profile_.run.steps + 1;
    const std::string source = fmt::format("{}: 'gram'", profile_.path.string());
    // The profile has latents as they enter the steps, but UniPC goes on from what its corrector makes of them.
    const Gram checked(array, size, source);
    if (profile_.run.solver != "unipc") return checked;
    return {with_corrected_latents(array, profile_.sigmas), size, source};
  }

  /// The rule asked for, with defaults.
  JumpRule rule() const {
    JumpRule rule;
    if (request_.criterion && *request_.criterion != kAuto) rule.criterion = criterion_of(*request_.criterion);
    if (request_.average) rule.average = average_of(*request_.average);
    if (request_.emphasis) rule.emphasis = *request_.emphasis;
    return rule;
  }

  /// Every criterion, with every average and emphasis unless one was asked for.
  std::vector<JumpRule> open_rules() const {
    const JumpRule asked = rule();
    std::vector<PromptAverage> averages(std::begin(kPromptAverages), std::end(kPromptAverages));
    std::vector<double> emphases(std::begin(kEmphases), std::end(kEmphases));
    if (request_.average) averages = {asked.average};
    if (request_.emphasis) emphases = {asked.emphasis};
    std::vector<JumpRule> rules;
    for (const JumpCriterion criterion : kJumpCriteria) {
      for (const PromptAverage average : averages) {
        for (const double emphasis : emphases) rules.push_back({criterion, average, emphasis});
      }
    }
    return rules;
  }

  ProfilePlan plan_by(const JumpRule& rule) const {
    const std::vector<int> nodes = plan_jumps(errors_, max_gap_, goal_, rule);
    return {.schedule = schedule_of(nodes, rule.options()),
            .predicted = predict(nodes),
            .measured = {},
            .even = {},
            .candidates = {}};
  }

  ProfilePlan plan_by_running(const std::vector<JumpRule>& rules) {
    ProfilePlan plan;
    const std::vector<JumpCandidate> ranked = rank_jumps(errors_, max_gap_, goal_, rules, trials_);
    if (request_.refine) plan.candidates.push_back(refined(ranked.front()));
    for (const JumpCandidate& candidate : ranked) {
      plan.candidates.push_back(measured(candidate, candidate.rules.front().options()));
    }
    const MeasuredPlan& best = plan.candidates.front();
    plan.schedule = best.schedule;
    plan.predicted = best.predicted;
    plan.measured = best.measured;
    plan.even = trials_.error(even_steps(errors_.steps(), goal_.nodes));
    if (plan.candidates.size() == 1) plan.candidates.clear();
    return plan;
  }

  MeasuredPlan refined(JumpCandidate candidate) {
    const auto predicted = [this](const std::vector<int>& nodes) { return sum_of(errors_.errors_of(nodes)); };
    const JumpLimits limits = {errors_.steps(), max_gap_, goal_, predicted};
    candidate.nodes = refine_jumps(std::move(candidate.nodes), limits, *request_.refine, trials_);
    candidate.measured = trials_.error(candidate.nodes);
    MeasuredPlan plan =
        measured(candidate, fmt::format("{},refine={}", candidate.rules.front().options(), *request_.refine));
    plan.rules += ", refined";
    return plan;
  }

  MeasuredPlan measured(const JumpCandidate& candidate, const std::string& options) const {
    std::vector<std::string> names;
    for (const JumpRule& rule : candidate.rules) names.push_back(rule.name());
    return {.rules = fmt::format("{}", fmt::join(names, ", ")),
            .schedule = schedule_of(candidate.nodes, options),
            .predicted = predict(candidate.nodes),
            .measured = candidate.measured};
  }

  Trace schedule_of(const std::vector<int>& nodes, const std::string& rule) const {
    const std::string options =
        fmt::format("{},order={},max_gap={},first={},last={}", rule, order_, max_gap_, goal_.first, goal_.last);
    return jump_schedule(origin_of(profile_, request_, options), nodes);
  }

  /// Errors of the solver's steps, and how the sum of them spreads over the prompts.
  std::vector<PlanFigure> predict(const std::vector<int>& nodes) const {
    const std::vector<double> errors = errors_.errors_of(nodes);
    std::vector<double> sums;
    for (int prompt = 0; prompt < errors_.prompts(); ++prompt) sums.push_back(sum_of(errors_.errors_of(nodes, prompt)));
    std::ranges::sort(sums);
    const std::size_t ninetieth = (sums.size() * 9 + 9) / 10 - 1;
    return {{"step_error_largest", std::ranges::max(errors)},
            {"step_error_sum", sum_of(errors)},
            {"step_error_sum_p90", sums[ninetieth]}};
  }

  const Profile& profile_;
  const PlanRequest& request_;
  int order_;
  StepGoal goal_;
  int max_gap_;
  JumpErrors errors_;
  JumpTrials trials_;
};

}  // namespace

PlannerEntry jumps_planner() {
  return {
      .name = "jumps",
      .help = "fewer solver steps, placed where the solver errs least; no cache",
      .options = {"criterion", "average", "emphasis", "refine", "order", "first", "last", "max-gap"},
      .plan = [](const Profile& profile, const PlanRequest& request) { return JumpPlanner(profile, request).plan(); }};
}

}  // namespace ditto
