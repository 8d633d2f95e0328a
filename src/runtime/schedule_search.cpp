#include "runtime/schedule_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/square.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "core/error.h"
#include "runtime/guidance.h"
#include "runtime/run_setup.h"

namespace ditto {
namespace {

double distance_between(const at::Tensor& a, const at::Tensor& b) {
  const double distance = std::sqrt((a - b).square().mean(at::kDouble).item<double>());
  return std::isfinite(distance) ? distance : std::numeric_limits<double>::infinity();
}

/// A run in the middle of its steps. Copies share tensors, which nobody writes to.
struct PartialRun {
  std::string pattern;
  at::Tensor latent;
  Feature change;  ///< made by all units in the last computed step, a row for each branch
  std::shared_ptr<const Solver> solver;
  double distance = 0;

  std::size_t age() const { return pattern.size() - 1 - pattern.rfind('C'); }
};

/// The network with and without its units.
class Steps {
 public:
  Steps(const VideoModel& model, const Request& request)
      : resolved_(resolve(model, request)), model_(model.denoiser()), solver_(solver_for(model, resolved_)) {
    grid_ = solver_->full_grid(resolved_.steps);
    const std::vector<at::Tensor> text = encode_prompts(model, resolved_);
    context_ = model_.prepare(text, schedule_of(*solver_, grid_, resolved_.steps), resolved_.latent_sizes);
    for (int row = 0; row < static_cast<int>(resolved_.branches.size()); ++row) rows_.push_back(row);
    noise_ = noise_of(request, resolved_).to(model_.device());
  }

  int count() const { return resolved_.steps; }

  PartialRun start() const {
    std::shared_ptr<Solver> solver = solver_->clone();
    solver->begin(grid_);
    return {.pattern = {}, .latent = noise_, .change = {}, .solver = std::move(solver)};
  }

  PartialRun computed(const PartialRun& run) const {
    Activations activations = embed(run);
    const Feature before = activations.hidden.clone();
    for (int unit = 0; unit < model_.topology().unit_count(); ++unit) {
      model_.apply_unit(unit, Blend::fresh(model_.run_unit(unit, activations)), activations);
    }
    const Feature& after = activations.hidden;
    return advanced(run, 'C', activations,
                    {after.video - before.video, after.text.defined() ? after.text - before.text : at::Tensor()});
  }

  PartialRun reused(const PartialRun& run) const {
    Activations activations = embed(run);
    activations.hidden.video.add_(run.change.video);
    if (run.change.text.defined()) activations.hidden.text.add_(run.change.text);
    return advanced(run, 'R', activations, run.change);
  }

 private:
  Activations embed(const PartialRun& run) const {
    return model_.embed(*context_, run.latent, static_cast<int>(run.pattern.size()), rows_);
  }

  PartialRun advanced(const PartialRun& run, char letter, const Activations& activations, Feature change) const {
    const at::Tensor prediction = model_.project(activations);
    std::vector<at::Tensor> branches;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      branches.push_back(prediction.narrow(0, static_cast<std::int64_t>(row), 1));
    }
    std::shared_ptr<Solver> solver = run.solver->clone();
    at::Tensor latent =
        solver->advance(guide(branches, resolved_.guidance), static_cast<int>(run.pattern.size()), run.latent);
    return {.pattern = run.pattern + letter,
            .latent = std::move(latent),
            .change = std::move(change),
            .solver = std::move(solver)};
  }

  ResolvedRequest resolved_;
  const Model& model_;
  std::unique_ptr<Solver> solver_;
  StepGrid grid_;
  std::unique_ptr<const RunContext> context_;
  std::vector<int> rows_;
  at::Tensor noise_;
};

/// The `width` nearest runs; first the nearest of each age, so that runs due for a computation soon and late both stay.
std::vector<PartialRun> nearest(std::vector<PartialRun> runs, std::size_t width) {
  std::ranges::stable_sort(runs, {}, &PartialRun::distance);
  std::set<std::size_t> ages;
  std::vector<PartialRun> others;
  std::vector<PartialRun> kept;
  for (PartialRun& run : runs) (ages.insert(run.age()).second ? kept : others).push_back(std::move(run));
  kept.insert(kept.end(), std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()));
  if (kept.size() > width) kept.resize(width);
  return kept;
}

class Search {
 public:
  Search(const VideoModel& model, const Request& request, const ScheduleSearchOptions& options)
      : steps_(model, request), options_(options), wanted_(options.computed.begin(), options.computed.end()) {
    if (options.beam < 1) {
      throw Error(ExitCode::kUsage, fmt::format("beam: {} is out of range; accepted: 1 and above", options.beam));
    }
    if (wanted_.empty()) throw Error(ExitCode::kUsage, "computed: is empty; accepted: at least one number of steps");
    for (const int wanted : wanted_) {
      if (wanted >= 1 && wanted <= steps_.count()) continue;
      throw Error(ExitCode::kUsage,
                  fmt::format("computed: {} is out of range; accepted: 1 to {}", wanted, steps_.count()));
    }
    least_ = *wanted_.begin();
    most_ = *wanted_.rbegin();
    total_ = bound_evaluations();
  }

  std::map<int, std::vector<FoundSchedule>> run() {
    std::map<int, std::vector<PartialRun>> beams = {{0, {steps_.start()}}};
    PartialRun full = steps_.start();
    for (int step = 0; step < steps_.count(); ++step) {
      full = evaluate(full);
      beams = next(beams, step, full.latent);
    }
    return collect(beams, full.latent);
  }

 private:
  /// Whether a run with that many computed steps after `passed` steps can still end at a wanted number.
  bool is_useful(int computed, int passed) const {
    return computed >= 1 && computed <= most_ && computed + steps_.count() - passed >= least_;
  }

  std::int64_t bound_evaluations() const {
    std::int64_t total = steps_.count();
    for (int passed = 1; passed <= steps_.count(); ++passed) {
      for (int computed = std::min(passed, 2); computed <= std::min(passed, most_); ++computed) {
        if (is_useful(computed, passed)) total += passed == 1 ? 1 : options_.beam;
      }
    }
    // A round computes at most once along the schedule, and for each of its moves what comes after the move.
    for (const int wanted : wanted_) total += std::int64_t{options_.rounds} * wanted * (wanted + 1);
    return total;
  }

  PartialRun evaluate(const PartialRun& run) {
    if (options_.stop.stop_requested()) throw Cancelled();
    PartialRun after = steps_.computed(run);
    ++done_;
    if (options_.on_evaluation) options_.on_evaluation(done_, total_);
    return after;
  }

  std::map<int, std::vector<PartialRun>> next(const std::map<int, std::vector<PartialRun>>& beams, int step,
                                              const at::Tensor& target) {
    std::map<int, std::vector<PartialRun>> grown;
    for (const auto& [computed, runs] : beams) {
      for (const PartialRun& run : runs) {
        if (computed > 0 && is_useful(computed, step + 1)) grown[computed].push_back(steps_.reused(run));
        if (is_useful(computed + 1, step + 1)) grown[computed + 1].push_back(evaluate(run));
      }
    }
    for (auto& [computed, runs] : grown) {
      for (PartialRun& run : runs) run.distance = distance_between(run.latent, target);
      runs = nearest(std::move(runs), static_cast<std::size_t>(options_.beam));
    }
    return grown;
  }

  /// Goes on from a run to the end of a pattern.
  PartialRun follow(PartialRun run, const std::string& pattern, const at::Tensor& target) {
    while (run.pattern.size() < pattern.size()) {
      run = pattern[run.pattern.size()] == 'C' ? evaluate(run) : steps_.reused(run);
    }
    run.distance = distance_between(run.latent, target);
    return run;
  }

  /// One pass of moves along the best run; whether any brought it nearer.
  bool improve(PartialRun& best, const at::Tensor& target) {
    bool improved = false;
    PartialRun prefix = follow(steps_.start(), best.pattern.substr(0, 1), target);
    for (std::size_t step = 1; step + 1 < best.pattern.size(); ++step) {
      if (best.pattern[step] != best.pattern[step + 1]) {
        std::string moved = best.pattern;
        std::swap(moved[step], moved[step + 1]);
        PartialRun candidate = follow(prefix, moved, target);
        if (candidate.distance < best.distance) {
          best = std::move(candidate);
          improved = true;
        }
      }
      prefix = follow(prefix, best.pattern.substr(0, step + 1), target);
    }
    return improved;
  }

  /// Keeps every schedule once and the beam's width: moves may have led to one that was in the beam.
  void put_first(PartialRun best, std::vector<PartialRun>& runs) const {
    std::erase_if(runs, [&](const PartialRun& run) { return run.pattern == best.pattern; });
    runs.insert(runs.begin(), std::move(best));
    if (runs.size() > static_cast<std::size_t>(options_.beam)) runs.pop_back();
  }

  std::map<int, std::vector<FoundSchedule>> collect(std::map<int, std::vector<PartialRun>>& beams,
                                                    const at::Tensor& target) {
    std::map<int, std::vector<FoundSchedule>> found;
    for (const int wanted : wanted_) {
      std::vector<PartialRun>& runs = beams[wanted];
      std::ranges::stable_sort(runs, {}, &PartialRun::distance);
      PartialRun best = runs.front();
      for (int round = 0; round < options_.rounds && improve(best, target); ++round) continue;
      if (best.distance < runs.front().distance) put_first(std::move(best), runs);
      for (const PartialRun& run : runs) {
        found[wanted].push_back({run.pattern, run.latent.to(at::kFloat), run.distance});
      }
    }
    return found;
  }

  Steps steps_;
  const ScheduleSearchOptions& options_;
  std::set<int> wanted_;
  int least_ = 0, most_ = 0;
  std::int64_t done_ = 0, total_ = 0;
};

}  // namespace

std::map<int, std::vector<FoundSchedule>> search_schedules(const VideoModel& model, const Request& request,
                                                           const ScheduleSearchOptions& options) {
  const c10::InferenceMode inference;
  return Search(model, request, options).run();
}

}  // namespace ditto
