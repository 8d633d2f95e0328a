#include "apps/dit_gen/dry_run.h"

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/dit_gen/pattern_table.h"
#include "apps/dit_gen/run_metadata.h"
#include "core/error.h"

namespace ditto {
namespace {

constexpr int kMeasuredSteps = 2;  // the first one warms up

/// Seconds of one step of full compute and of the fixed phases, measured.
struct MeasuredSeconds {
  double text = 0, step = std::numeric_limits<double>::infinity(), decode = 0;
};

MeasuredSeconds measure(Program& program, const VideoModel& model, Request request) {
  request.steps = kMeasuredSteps;
  for (std::string* text : {&request.prompt, &request.negative}) *text += " .";  // the model remembers the job's own
  MeasuredSeconds seconds;
  GenerateOptions options;
  options.stop = program.interrupt.token();
  options.on_step = [&](const StepProgress& progress) { seconds.step = std::min(seconds.step, progress.seconds); };
  const Result result = generate(model, request, options);
  seconds.text = result.seconds.text;
  seconds.decode = result.seconds.decode;
  return seconds;
}

/// What would be done for one job.
struct Estimate {
  RunOutline outline;
  std::vector<PatternRow> patterns;
  MeasuredSeconds measured;
  std::int64_t weight_bytes = 0, activation_bytes = 0;

  double denoise_seconds(std::int64_t units) const {
    const double units_per_step = static_cast<double>(outline.units_total) / outline.request.steps;
    return measured.step * static_cast<double>(units) / units_per_step;
  }
  double total_seconds(std::int64_t units) const { return measured.text + denoise_seconds(units) + measured.decode; }
};

/// Patterns over the full grid: what a policy says of the executed steps, and '.' for jumped ones.
std::vector<PatternRow> pattern_rows(const RunOutline& outline) {
  std::vector<PatternRow> rows;
  for (const RehearsedSite& decided : outline.decisions) {
    std::string pattern(static_cast<std::size_t>(outline.request.steps), '.');
    for (std::size_t k = 0; k < outline.grid.nodes.size(); ++k) {
      pattern[static_cast<std::size_t>(outline.grid.nodes[k])] = decided.pattern[k];
    }
    rows.push_back({std::string(branch_name(decided.branch)),
                    outline.plan.sites[static_cast<std::size_t>(decided.site)].name, std::move(pattern)});
  }
  return rows;
}

Estimate estimate(Program& program, const VideoModel& model, const std::vector<PolicySpec>& policies,
                  const Request& request) {
  Estimate estimate;
  const std::unique_ptr<CachePolicy> policy = make_policy(policies);
  estimate.outline = outline(model, request, *policy);
  estimate.patterns = pattern_rows(estimate.outline);
  estimate.measured = measure(program, model, request);
  estimate.weight_bytes = model.weight_bytes();
  estimate.activation_bytes = model.activation_bytes(estimate.outline.request.latent_sizes);
  return estimate;
}

nlohmann::ordered_json to_json(const Estimate& estimate, std::int64_t jobs) {
  const auto& [outline, patterns, measured, weight_bytes, activation_bytes] = estimate;
  std::map<std::string, std::map<std::string, std::string>> map;
  for (const PatternRow& row : patterns) map[row.branch][row.site] = row.pattern;
  return {{"event", "dry_run"},
          {"jobs", jobs},
          {"width", outline.request.width},
          {"height", outline.request.height},
          {"frames", outline.request.frames},
          {"steps", outline.request.steps},
          {"map", map},
          {"units", {{"least", outline.units.least}, {"most", outline.units.most}, {"total", outline.units_total}}},
          {"seconds",
           {{"text", measured.text},
            {"step", measured.step},
            {"denoise_least", estimate.denoise_seconds(outline.units.least)},
            {"denoise_most", estimate.denoise_seconds(outline.units.most)},
            {"decode", measured.decode}}},
          {"bytes", {{"weights", weight_bytes}, {"activations", activation_bytes}, {"cache", outline.cache_bytes}}}};
}

std::string span(double least, double most) {
  return most - least < 0.005 * most ? fmt::format("{:.2f}", most) : fmt::format("{:.2f} to {:.2f}", least, most);
}

std::string mebibytes(std::int64_t bytes) {
  const double mebibytes = std::ldexp(static_cast<double>(bytes), -20);
  return mebibytes < 1 ? fmt::format("{:.3f} MiB", mebibytes) : fmt::format("{:.1f} MiB", mebibytes);
}

std::string describe(const Estimate& estimate, const std::string& cache) {
  const auto& [outline, patterns, measured, weight_bytes, activation_bytes] = estimate;
  const double total = static_cast<double>(outline.units_total);
  std::string text =
      fmt::format("{}x{}, {} frames, {} steps ({} visited), guidance {}, {}, cache {}\n", outline.request.width,
                  outline.request.height, outline.request.frames, outline.request.steps, outline.grid.size(),
                  outline.request.guidance, outline.request.solver, cache);
  if (!patterns.empty()) {
    text += fmt::format("decisions by site and step ({}):\n{}", kPatternLegend, render_patterns(patterns));
  }
  text += fmt::format("units    {} % of {} would be computed\n",
                      span(100 * static_cast<double>(outline.units.least) / total,
                           100 * static_cast<double>(outline.units.most) / total),
                      outline.units_total);
  text += fmt::format(
      "seconds  text {:.2f}, denoise {}, decode {:.2f}; in all {} (from one step of {:.3g} s and one "
      "decode, measured now)\n",
      measured.text, span(estimate.denoise_seconds(outline.units.least), estimate.denoise_seconds(outline.units.most)),
      measured.decode, span(estimate.total_seconds(outline.units.least), estimate.total_seconds(outline.units.most)),
      measured.step);
  text += fmt::format("bytes    weights {}, activations up to {}, cache up to {}", mebibytes(weight_bytes),
                      mebibytes(activation_bytes), mebibytes(outline.cache_bytes));
  return text;
}

/// Meets every job as the run would, without running it.
class Rehearsal {
 public:
  Rehearsal(Program& program, const JobSettings& settings) : program_(program), settings_(settings) {}

  void meet_all(JobSource& source) {
    while (const auto next = source.next()) {
      if (program_.interrupt.requested()) throw Cancelled();
      if (const auto* line = std::get_if<BadLine>(&*next)) {
        refuse({ExitCode::kBadInputFile, line->message});
      } else {
        meet(std::get<Job>(*next));
      }
    }
    if (source.stopped()) throw Cancelled();
    if (jobs_ + refused_ == 0) refuse_no_prompts(*settings_.arguments.prompts);
  }

  const std::optional<Job>& first() const { return first_; }  ///< of those that would run
  std::int64_t jobs() const { return jobs_; }                 ///< that would run
  bool refused_any() const { return refused_ > 0; }

 private:
  /// What is wrong with the command itself ends it; what is wrong with a line of a file is reported.
  void meet(const Job& job) {
    if (job.source.empty()) {
      check(job);
    } else {
      try {
        check(job);
      } catch (const Error& error) {
        refuse({error.code(), fmt::format("{}: {}", job.source, error.what())});
        return;
      }
    }
    ++jobs_;
    if (!first_) first_ = job;
  }

  /// All jobs have the same policies and steps: what a policy says depends on the size alone.
  void check(const Job& job) {
    const ResolvedRequest request = resolve_with_effect(*settings_.session.model, job.request);
    const std::array<int, 3> size = {request.width, request.height, request.frames};
    if (planned_.contains(size)) return;
    outline(*settings_.session.model, job.request, *make_policy(settings_.policies));
    planned_.insert(size);
  }

  void refuse(const Failure& failure) {
    ++refused_;
    report(program_, failure);
  }

  Program& program_;
  const JobSettings& settings_;
  std::optional<Job> first_;
  std::int64_t jobs_ = 0, refused_ = 0;
  std::set<std::array<int, 3>> planned_;  ///< sizes that the policies can do
};

}  // namespace

ExitCode dry_run(Program& program, const JobSettings& settings, JobSource& source) {
  Rehearsal rehearsal(program, settings);
  rehearsal.meet_all(source);
  warn_without_effect(source, program.console);
  if (!rehearsal.first()) return ExitCode::kSomeJobsFailed;
  const std::optional<std::int64_t>& cache_bytes = settings.arguments.cache_bytes;
  const Estimate found = estimate(program, *settings.session.model, settings.policies, rehearsal.first()->request);
  program.console.event(to_json(found, rehearsal.jobs()));
  program.console.result(describe(found, joined_names(settings.policies)));
  if (cache_bytes && found.outline.cache_bytes > *cache_bytes) {
    program.console.warn(fmt::format("--cache-bytes: up to {} bytes would be stored; beyond {} they are recomputed",
                                     found.outline.cache_bytes, *cache_bytes));
  }
  if (rehearsal.jobs() > 1) {
    const auto jobs = static_cast<double>(rehearsal.jobs());
    program.console.result(fmt::format("jobs     {}; at the first one's size about {} s in all", rehearsal.jobs(),
                                       span(jobs * found.total_seconds(found.outline.units.least),
                                            jobs * found.total_seconds(found.outline.units.most))));
  }
  return rehearsal.refused_any() ? ExitCode::kSomeJobsFailed : ExitCode::kDone;
}

}  // namespace ditto
