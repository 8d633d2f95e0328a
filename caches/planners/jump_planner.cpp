#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "caches/planners/planner.h"
#include "core/error.h"

namespace ditto {
namespace {

constexpr const char* kAuto = "auto";
constexpr const char* kOpenLoop = "q4";  // unless a closed loop chooses

int order_of(const Profile& profile, const PlanRequest& request) {
  const int highest = profile.run.solver == "unipc" ? 2 : 1;
  const int order = request.order.value_or(highest);
  if (order >= 1 && order <= highest) return order;
  throw Error(ExitCode::kUsage, fmt::format("--order: {} is not possible for solver {}; accepted: {}", order,
                                            profile.run.solver, highest == 2 ? "1, 2" : "1"));
}

/// Plans sub-schedules from one profile.
class JumpPlanner {
 public:
  JumpPlanner(const Profile& profile, const PlanRequest& request)
      : profile_(profile),
        request_(request),
        order_(order_of(profile, request)),
        goal_({.nodes = request.compute, .first = request.first.value_or(1), .last = request.last.value_or(0)}),
        options_({.max_gap = request.max_gap.value_or(JumpOptions().max_gap)}),
        errors_(gram(), profile.sigmas, order_),
        moves_(jump_moves(errors_, options_)) {}

  ProfilePlan plan() const {
    const std::string criterion = request_.criterion.value_or(request_.measure ? kAuto : kOpenLoop);
    if (criterion == kAuto) return plan_by_running();
    for (const JumpCriterion known : kJumpCriteria) {
      if (criterion == criterion_name(known)) return plan_by(known);
    }
    throw Error(ExitCode::kUsage,
                fmt::format("--criterion: '{}' is not possible; accepted: auto, sum, q2, q4, minimax", criterion));
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

  ProfilePlan plan_by(JumpCriterion criterion) const {
    const std::vector<int> nodes = plan_jumps(moves_, goal_, criterion);
    return {.schedule = schedule_of(nodes, criterion_name(criterion)),
            .predicted = predict(nodes),
            .measured = {},
            .candidates = {}};
  }

  ProfilePlan plan_by_running() const {
    if (!request_.measure) {
      throw Error(ExitCode::kUsage, "--criterion: auto runs the plans of all criteria; accepted: with --prompts FILE");
    }
    const auto measure = [&](const std::vector<int>& nodes) { return request_.measure(schedule_of(nodes, kAuto)); };
    ProfilePlan plan;
    for (const JumpCandidate& candidate : rank_jumps(moves_, goal_, measure)) {
      std::vector<std::string_view> names;
      for (const JumpCriterion criterion : candidate.criteria) names.push_back(criterion_name(criterion));
      plan.candidates.push_back({.criteria = fmt::format("{}", fmt::join(names, ", ")),
                                 .schedule = schedule_of(candidate.nodes, names.front()),
                                 .predicted = predict(candidate.nodes),
                                 .measured = candidate.measured});
    }
    const MeasuredPlan& best = plan.candidates.front();
    plan.schedule = best.schedule;
    plan.predicted = best.predicted;
    plan.measured = best.measured;
    return plan;
  }

  Trace schedule_of(const std::vector<int>& nodes, std::string_view criterion) const {
    const std::string options = fmt::format("criterion={},order={},max_gap={},first={},last={}", criterion, order_,
                                            options_.max_gap, goal_.first, goal_.last);
    return jump_schedule(origin_of(profile_, request_, options), nodes);
  }

  /// Errors of the solver's steps, and how the sum of them spreads over the prompts.
  std::vector<PlanFigure> predict(const std::vector<int>& nodes) const {
    const auto sum = [](const std::vector<double>& errors) {
      return std::accumulate(errors.begin(), errors.end(), 0.0);
    };
    const std::vector<double> errors = errors_.errors_of(nodes);
    std::vector<double> sums;
    for (int prompt = 0; prompt < errors_.prompts(); ++prompt) sums.push_back(sum(errors_.errors_of(nodes, prompt)));
    std::ranges::sort(sums);
    const std::size_t ninetieth = (sums.size() * 9 + 9) / 10 - 1;
    return {{"step_error_largest", std::ranges::max(errors)},
            {"step_error_sum", sum(errors)},
            {"step_error_sum_p90", sums[ninetieth]}};
  }

  const Profile& profile_;
  const PlanRequest& request_;
  int order_;
  StepGoal goal_;
  JumpOptions options_;
  JumpErrors errors_;
  MoveTable moves_;
};

}  // namespace

PlannerEntry jumps_planner() {
  return {
      .name = "jumps",
      .help = "fewer solver steps, placed where the solver errs least; no cache",
      .options = {"criterion", "order", "first", "last", "max-gap"},
      .plan = [](const Profile& profile, const PlanRequest& request) { return JumpPlanner(profile, request).plan(); }};
}

}  // namespace ditto
