#include "caches/schedule.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"
#include "core/trace.h"

namespace ditto {
namespace {

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

/// Whether a file is a plan for any run of its model, or the record of one run.
enum class Origin : std::uint8_t { kSchedule, kReplay };

class Schedule : public CachePolicy {
 public:
  Schedule(std::string source, Origin origin, Trace trace)
      : source_(std::move(source)), origin_(origin), trace_(std::move(trace)) {
    check_events();
    for (const TraceEvent& event : trace_.events) events_[{event.step, event.branch, event.site}] = &event;
  }

  void begin(const Topology& topology, const RunInfo& run) override {
    check_model(topology);
    check_settings(run);
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    check_visited(schedule);
    Plan plan{trace_.run.sites};
    try {
      validate(plan, topology);
    } catch (const Error& error) {
      refuse(fmt::format("its sites do not fit the model ({})", error.what()), "sites of this model");
    }
    return plan;
  }

  StepGrid shape_grid(StepGrid grid) const override {
    if (grid.size() != trace_.run.steps) {
      refuse(fmt::format("made for all {} steps; the policies before it leave {}", trace_.run.steps, grid.size()),
             "policies that leave out no steps");
    }
    StepGrid visited;
    for (const int node : trace_.run.grid.nodes) {
      visited.nodes.push_back(grid.nodes[static_cast<std::size_t>(node)]);
      visited.sigmas.push_back(grid.sigmas[static_cast<std::size_t>(node)]);
    }
    visited.sigmas.push_back(grid.sigmas.back());
    if (origin_ == Origin::kReplay) check_sigmas(visited.sigmas);
    return visited;
  }

  Decision decide(const DecisionPoint& point) override {
    const auto it =
        events_.find({point.step.node, point.branch, trace_.run.sites[static_cast<std::size_t>(point.site)].name});
    if (it == events_.end()) return Decision::recompute("not in the file");
    const TraceEvent& event = *it->second;
    if (event.action == Action::kRecompute) return Decision::recompute(event.reason, event.score);
    return Decision::blend(event.weights, event.reason, event.score);
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& accepted) const {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; accepted: {}", source_, what, accepted));
  }

  [[noreturn]] void refuse(const TraceEvent& event, const std::string& what, const std::string& accepted) const {
    refuse(fmt::format("step {}, {} branch, site '{}' {}", event.step, branch_name(event.branch), event.site, what),
           accepted);
  }

  /// A decision has its step, comes once and, where it blends, finds what was computed before: anything else would be
  /// passed over in silence.
  void check_events() const {
    if (trace_.run.grid.nodes.empty() || trace_.run.grid.nodes.front() != 0) {
      refuse("jumps over step 0", "a run that begins at the first step");
    }
    std::map<std::pair<std::string, Branch>, std::pair<int, int>> slots;  // last step decided, snapshots stored
    int step = -1;
    for (const TraceEvent& event : trace_.events) {
      if (event.step < step) refuse(fmt::format("step {} comes after step {}", event.step, step), "ascending steps");
      step = event.step;
      if (!std::ranges::binary_search(trace_.run.grid.nodes, step)) {
        refuse(event, "is decided although the step is jumped over", "decisions for visited steps");
      }
      auto& [decided, snapshots] = slots.try_emplace({event.site, event.branch}, -1, 0).first->second;
      if (decided == step) refuse(event, "is decided twice", "one decision for each");
      decided = step;
      const Site& site = *std::ranges::find(trace_.run.sites, event.site, &Site::name);
      const std::size_t per_snapshot = site.weights_per_snapshot();
      if (event.action == Action::kBlend && event.weights.size() % per_snapshot != 0) {
        refuse(event, fmt::format("blends with {} weights", event.weights.size()),
               fmt::format("{} for each snapshot", per_snapshot));
      }
      const int blended = static_cast<int>(event.weights.size() / per_snapshot);
      if (event.action == Action::kRecompute) {
        snapshots = std::min(snapshots + 1, site.keep);
      } else if (blended > snapshots) {
        refuse(event, fmt::format("blends {} snapshots where {} can be stored", blended, snapshots),
               "blends of what was computed before");
      }
    }
  }

  void check_model(const Topology& topology) const {
    const ModelIdentity& made_for = trace_.run.model;
    if (!made_for.weight_hash.empty() && made_for.weight_hash != topology.identity.weight_hash) {
      refuse(fmt::format("made for model '{}' (weights {}); this is '{}' (weights {})", made_for.name,
                         made_for.weight_hash.substr(0, 12), topology.identity.name,
                         topology.identity.weight_hash.substr(0, 12)),
             "a file of the same weights");
    }
    if (trace_.run.units != 0 && trace_.run.units != topology.unit_count()) {
      refuse(fmt::format("made for {} units; this model has {}", trace_.run.units, topology.unit_count()),
             "a file of a model of this depth");
    }
  }

  /// What the file does not state fits every run.
  void check_settings(const RunInfo& run) const {
    const TraceRun& made_for = trace_.run;
    if (!made_for.solver.empty() && made_for.solver != run.solver) {
      refuse_setting("solver", made_for.solver, run.solver);
    }
    if (made_for.steps != run.steps) refuse_setting("steps", made_for.steps, run.steps);
    if (made_for.shift != 0 && !near(made_for.shift, run.shift)) refuse_setting("shift", made_for.shift, run.shift);
    if (made_for.guidance != 0 && !near(made_for.guidance, run.guidance)) {
      refuse_setting("guidance", made_for.guidance, run.guidance);
    }
    // Branches the file knows nothing of would be computed while the others reuse.
    if (!made_for.branches.empty() && made_for.branches != run.branches) {
      refuse(fmt::format("made for {} branch(es); this run has {}", made_for.branches.size(), run.branches.size()),
             "a --guidance with as many");
    }
  }

  template <typename Value>
  [[noreturn]] void refuse_setting(std::string_view name, const Value& made_for, const Value& wanted) const {
    refuse(fmt::format("made for {} {}; this run has {}", name, made_for, wanted), fmt::format("equal --{}", name));
  }

  /// Of stacked policies a later one may have shaped the grid further.
  void check_visited(std::span<const StepInfo> schedule) const {
    if (std::ranges::equal(schedule, trace_.run.grid.nodes, {}, &StepInfo::node)) return;
    refuse(fmt::format("made for {} visited steps; another policy leaves {}", trace_.run.grid.size(), schedule.size()),
           "policies that leave out no steps");
  }

  void check_sigmas(const std::vector<double>& sigmas) const {
    if (!std::ranges::equal(sigmas, trace_.run.grid.sigmas, near)) {
      refuse("recorded with other noise levels than those of this run", "equal --solver and --shift");
    }
  }

  std::string source_;
  Origin origin_;
  Trace trace_;
  std::map<std::tuple<int, Branch, std::string>, const TraceEvent*> events_;
};

std::unique_ptr<CachePolicy> from_file(const std::string& file, Origin origin) {
  Trace trace = Trace::read(file);
  // Decisions that a torn file lacks would be taken for recompute.
  if (origin == Origin::kReplay && !trace.result) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: ends without the line \"result\"; accepted: the whole trace of a "
                            "run, or --schedule",
                            printable(file)));
  }
  return std::make_unique<Schedule>(file, origin, std::move(trace));
}

PolicyEntry entry(const char* name, const char* help, std::unique_ptr<CachePolicy> (*create)(const PolicyOptions&)) {
  return {.name = name,
          .help = help,
          .disabled = "",
          .options = {{.name = "file",
                       .type = OptionType::kText,
                       .default_value = "",
                       .help = "the path of a trace or schedule (JSON Lines)"}},
          .create = create};
}

}  // namespace

std::unique_ptr<CachePolicy> make_schedule(Trace schedule, std::string source) {
  return std::make_unique<Schedule>(std::move(source), Origin::kSchedule, std::move(schedule));
}

std::unique_ptr<CachePolicy> make_replay(Trace trace, std::string source) {
  return std::make_unique<Schedule>(std::move(source), Origin::kReplay, std::move(trace));
}

PolicyEntry schedule_entry() {
  return entry("schedule", "decisions from a planned schedule",
               [](const PolicyOptions& options) { return from_file(options.text("file"), Origin::kSchedule); });
}

PolicyEntry replay_entry() {
  return entry("replay", "the decisions of an earlier run, from its trace",
               [](const PolicyOptions& options) { return from_file(options.text("file"), Origin::kReplay); });
}

}  // namespace ditto
