#include "caches/hyca.h"

#include <algorithm>
#include <optional>

#include <ATen/ops/isfinite.h>

#include <fmt/format.h>

#include "caches/feature_sites.h"
#include "caches/forecast_policy.h"
#include "caches/planners/solver_assignment.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "core/error.h"

namespace ditto {
namespace {

constexpr const char* kDescriptors = "hyca.descriptors";
constexpr const char* kErrors = "hyca.solver_error";
constexpr int kMeasuredSolvers = 6;
constexpr int kRollingSnapshots = 4;
constexpr const char* kPool = "tf/ab2/rk2/bdf2/am";

std::vector<PoolSolver> pool_of(const std::string& text) {
  std::vector<PoolSolver> pool;
  std::string_view rest = text;
  if (text == kAutomatic) rest = kPool;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    pool.push_back(solver_from_name(rest.substr(0, slash), "hyca:pool"));
    if (pool.back() == PoolSolver::kTf2) refuse_option("hyca:pool", "profiles have no errors of tf2", "solver=tf2");
    more = slash != std::string_view::npos;
    if (more) rest = rest.substr(slash + 1);
  }
  return pool;
}

/// An array of a profile with one entry for each site.
at::Tensor array_of(const Profile& profile, const char* name, std::int64_t sites, at::IntArrayRef entry) {
  const at::Tensor array = profile.array(name).to(at::kDouble);
  const auto refuse = [&](const std::string& what, const std::string& accepted) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: '{}' {}; accepted: {}", profile.path.string(), name, what, accepted));
  };
  if (array.dim() != 3 || array.sizes().slice(1) != entry) {
    refuse(fmt::format("has the shape [{}]", fmt::join(array.sizes(), ", ")),
           fmt::format("[sites, {}]", fmt::join(entry, ", ")));
  }
  if (array.size(0) != sites) {
    refuse(fmt::format("was measured at {} sites, this run has {}", array.size(0), sites),
           "the level of option site that was measured");
  }
  if (!at::isfinite(array).all().item<bool>()) refuse("has NaN or infinite values", "finite values");
  return array;
}

class HyCa : public CachePolicy {
 public:
  explicit HyCa(const PolicyOptions& options)
      : options_(options),
        schedule_(ForecastSchedule::from(options)),
        level_(options.text("site")),
        rolling_(options.text("history") == "rolling"),
        keep_(options.integer_or("keep", kRollingSnapshots)),
        clusters_(options.integer_or("clusters", 2)) {
    if (!rolling_) refuse_without_effect(options, "hyca", "keep", "with history=anchored");
  }

  void begin(const Topology& topology, const RunInfo& run) override {
    if (schedule_.interval == 1) return;
    assignments_.assign(sites_of_level(level_, topology, 1).size(), {});
    const std::string& solver = options_.text("solver");
    if (solver != kAutomatic) {
      refuse_measured_options("with solver=" + solver, {"profile", "clusters", "pool"});
      for (SolverAssignment& site : assignments_) site.solvers = {solver_from_name(solver, "hyca:solver")};
      origin_ = "solver as given";
      return;
    }
    const ProfileSource source = find_profile(options_.text("profile"), topology, run);
    if (source.profile && (!options_.is_automatic("profile") || measured_here(*source.profile))) {
      assign(*source.profile, topology);
      origin_ = "solvers from a profile";
      profile_ = profile_name(*source.profile);
      return;
    }
    refuse_measured_options("without a profile of these sites", {"clusters", "pool"});
    origin_ =
        fmt::format("no profile of model '{}' at these sites: solver tf for all channels", topology.identity.name);
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (schedule_.interval == 1 || schedule_.window.covers(schedule)) return {};
    Plan plan{sites_of_level(level_, topology, 1)};
    assignments_.resize(plan.sites.size());
    for (std::size_t site = 0; site < plan.sites.size(); ++site) {
      const SolverAssignment& assignment = assignments_[site];
      plan.sites[site].cluster_of_channel = assignment.solver_of_channel;
      plan.sites[site].keep =
          rolling_ ? keep_ : snapshots_needed(std::ranges::max(assignment.solvers, {}, snapshots_needed));
    }
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    std::string reason = schedule_.reason_to_compute(point);
    if (point.step.index == 0) reason += "; " + origin_;
    if (!reason.empty()) return Decision::recompute(std::move(reason));
    return Decision::blend(forecast(point), "forecast");
  }

  std::vector<SettledOption> settled_options() const override {
    const bool forecasts = schedule_.interval > 1, measured = profile_.has_value();
    return {settled("solver", measured ? "profile" : "tf", forecasts), settled("profile", profile_.value_or("none")),
            settled("clusters", clusters_, measured), settled("pool", kPool, measured),
            settled("keep", keep_, rolling_ && forecasts)};
  }

 private:
  void refuse_measured_options(const std::string& why, std::initializer_list<const char*> given) const {
    for (const char* option : given) refuse_without_effect(options_, "hyca", option, why);
  }

  /// A shipped profile may have been measured at another level.
  bool measured_here(const Profile& profile) const {
    return profile.has(kDescriptors) && profile.array(kDescriptors).dim() == 3 &&
           profile.array(kDescriptors).size(0) == std::ssize(assignments_);
  }

  void assign(const Profile& profile, const Topology& topology) {
    const auto sites = static_cast<std::int64_t>(assignments_.size());
    const at::Tensor descriptors = array_of(profile, kDescriptors, sites, {topology.channels, 6});
    const at::Tensor errors = array_of(profile, kErrors, sites, {kMeasuredSolvers, topology.channels});
    const std::vector<PoolSolver> pool = pool_of(options_.text("pool"));
    for (std::int64_t site = 0; site < sites; ++site) {
      assignments_[static_cast<std::size_t>(site)] = assign_solvers(descriptors[site], errors[site], clusters_, pool);
    }
  }

  /// A row of weights for each solver of the site, without the oldest snapshots that none of them uses.
  std::vector<float> forecast(const DecisionPoint& point) const {
    const std::vector<double> steps = indices_of(point.snapshots);
    std::vector<std::vector<float>> rows;
    std::size_t used = 1;
    for (const PoolSolver solver : assignments_[static_cast<std::size_t>(point.site)].solvers) {
      rows.push_back(PoolForecaster(solver, rolling_).weights(steps, point.step.index));
      for (std::size_t k = 0; k < rows.back().size(); ++k) {
        if (rows.back()[k] != 0) used = std::max(used, k + 1);
      }
    }
    std::vector<float> weights;
    for (const std::vector<float>& row : rows) {
      weights.insert(weights.end(), row.begin(), row.begin() + static_cast<std::ptrdiff_t>(used));
    }
    return weights;
  }

  PolicyOptions options_;
  ForecastSchedule schedule_;
  std::string level_;
  bool rolling_;
  int keep_;
  int clusters_;
  std::optional<std::string> profile_;         ///< the one the solvers are from
  std::vector<SolverAssignment> assignments_;  ///< by site
  std::string origin_;
};

std::vector<OptionSpec> options() {
  std::vector<OptionSpec> all = forecast_options("4", "block", "3");
  const auto site = std::ranges::find(all, "site", &OptionSpec::name);
  site->help = "what is forecast: the change made by each block or by all units, or each unit's output";
  site->choices = {"block", "unit", "stack"};
  all.push_back({.name = "solver",
                 .type = OptionType::kText,
                 .default_value = kAutomatic,
                 .help = "one solver for all channels; auto: by cluster from a profile, tf without one",
                 .choices = {kPoolSolverNames.begin(), kPoolSolverNames.end()}});
  all.push_back(profile_option("clusters of channels and errors of solvers"));
  all.push_back({.name = "clusters",
                 .type = OptionType::kInteger,
                 .default_value = kAutomatic,
                 .help = "clusters of channels at each site; auto: 2",
                 .minimum = 1,
                 .maximum = 16});
  all.push_back({.name = "pool",
                 .type = OptionType::kText,
                 .default_value = kAutomatic,
                 .help = "solvers a cluster may get; auto: tf/ab2/rk2/bdf2/am"});
  all.push_back({.name = "history",
                 .type = OptionType::kText,
                 .default_value = "anchored",
                 .help = "forecasts from computed features alone, or step by step from earlier forecasts",
                 .choices = {"anchored", "rolling"}});
  all.push_back({.name = "keep",
                 .type = OptionType::kInteger,
                 .default_value = kAutomatic,
                 .help = "computed features a rolling history starts from, the published one from all; auto: 4",
                 .minimum = 3,
                 .maximum = 1000});
  return all;
}

}  // namespace

PolicyEntry hyca_entry() {
  return {.name = "hyca",
          .help = "compute every interval-th step, forecast clusters of channels by their own solvers in between",
          .disabled = "interval=1",
          .example = "interval=3,first=2,last=1",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<HyCa>(options);
          }};
}

}  // namespace ditto
