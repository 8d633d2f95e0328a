#include "apps/dit_profile/profile_run.h"

#include <algorithm>

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/common/arguments.h"
#include "apps/common/machine.h"
#include "apps/dit_profile/part_store.h"
#include "apps/dit_profile/work_progress.h"
#include "caches/profiling/combine.h"
#include "caches/profiling/profile_recorder.h"
#include "core/printable.h"
#include "runtime/run_setup.h"
#include "runtime/segment_replay.h"

namespace ditto {
namespace {

nlohmann::ordered_json identity_of(const ProfileSettings& settings, const ResolvedRequest& resolved) {
  const ModelIdentity& model = settings.session.model->denoiser().topology().identity;
  nlohmann::ordered_json groups = nlohmann::ordered_json::array(), requests = nlohmann::ordered_json::array();
  for (const ArrayGroup group : settings.groups) groups.push_back(array_group_name(group));
  for (const Request& request : settings.requests) {
    requests.push_back({{"prompt", request.prompt}, {"negative", request.negative}, {"seed", request.seed}});
  }
  return {{"version", DITTO_VERSION},
          {"commit", ditto_commit()},
          {"model", {{"weight_hash", model.weight_hash}}},
          {"dtype", dtype_name(settings.session.load.dtype)},
          {"kernels", kernels_name(settings.session.load.kernels)},
          {"prompt_clean", to_string(settings.session.load.prompt_cleaning)},
          {"device", settings.session.load.device.is_cuda() ? "cuda" : "cpu"},
          {"solver", resolved.solver},
          {"shift", resolved.shift},
          {"guidance", resolved.guidance},
          {"steps", resolved.steps},
          {"width", resolved.width},
          {"height", resolved.height},
          {"frames", resolved.frames},
          {"only", groups},
          {"edges", settings.edge_runs},
          {"max_skip", settings.max_skip},
          {"requests", requests}};
}

std::string gibibytes(std::int64_t bytes) {
  return bytes < (1 << 30) ? fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20))
                           : fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

class ProfileRun {
 public:
  ProfileRun(Program& program, const ProfileSettings& settings)
      : program_(program),
        settings_(settings),
        model_(*settings.session.model),
        resolved_(resolve(model_, settings.requests.front())),
        run_groups_(settings.groups),
        parts_(settings.output, identity_of(settings, resolved_), settings.overwrite),
        progress_(program.console, steps_of_runs(), steps_of_edges()) {
    run_groups_.erase(ArrayGroup::kEdges);
    program.interrupt.watch_folder(parts_.folder());
    program.interrupt.watch_folder(Profile::files(settings.output).front().parent_path());
  }

  Profile finish() {
    announce();
    try {
      for (std::size_t run = 0; run < runs(); ++run) measure_run(run);
      for (std::size_t run = 0; run < edge_runs(); ++run) measure_edges(run);
    } catch (const Cancelled&) {
      throw_interrupted();
    }
    std::vector<Profile> parts;
    for (std::size_t run = 0; run < std::max(runs(), edge_runs()); ++run) parts.push_back(read_part(run));
    Profile profile = combine(parts);
    profile.path = Profile::files(settings_.output).front();
    profile.write(settings_.output);
    parts_.remove();
    return profile;
  }

 private:
  bool measures_runs() const {
    return std::ranges::any_of(settings_.groups, [](ArrayGroup group) { return group != ArrayGroup::kEdges; });
  }
  std::size_t runs() const { return measures_runs() ? settings_.requests.size() : 0; }
  std::size_t edge_runs() const { return static_cast<std::size_t>(settings_.edge_runs); }

  std::int64_t steps_of_runs() const {
    std::int64_t steps = 0;
    for (std::size_t run = 0; run < runs(); ++run) steps += parts_.has_run(run) ? 0 : resolved_.steps;
    return steps;
  }

  std::int64_t rows_done(std::size_t run) const {
    const at::Tensor rows = parts_.read_edges(run);
    return rows.defined() ? rows.size(0) : 0;
  }

  std::int64_t steps_of_edges() const {
    std::int64_t steps = 0;
    for (std::size_t run = 0; run < edge_runs(); ++run) {
      const std::int64_t first = rows_done(run);
      if (first < resolved_.steps) steps += 2 * resolved_.steps;  // the full run and its repetition, step by step
      for (auto i = static_cast<int>(first); i < resolved_.steps; ++i) {
        steps += SegmentReplay::steps_from(i, resolved_.steps, settings_.max_skip);
      }
    }
    return steps;
  }

  void announce() {
    if (run_groups_.empty()) return;
    ProfileRecorder recorder(run_groups_, resolved_.latent_sizes);
    const std::int64_t held = outline(model_, settings_.requests.front(), *recorder.policy()).cache_bytes;
    program_.console.note(fmt::format("measuring holds up to {} besides the model", gibibytes(held)));
    const std::int64_t needed = model_.weight_bytes() + model_.activation_bytes(resolved_.latent_sizes) + held;
    const std::int64_t available = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE);
    if (needed > available && settings_.session.load.device.is_cpu()) {
      throw Error(ExitCode::kOutOfMemory,
                  fmt::format("--only: about {} of memory are needed; this machine has {}; accepted: fewer groups, a "
                              "smaller --size or fewer --frames",
                              gibibytes(needed), gibibytes(available)));
    }
  }

  void measure_run(std::size_t run) {
    if (parts_.has_run(run)) return;
    progress_.begin(Phase::kRuns, fmt::format("prompt {}/{}", run + 1, runs()));
    ProfileRecorder recorder(run_groups_, resolved_.latent_sizes);
    GenerateOptions options;
    options.decode = false;
    options.stop = program_.interrupt.token();
    options.on_prediction = [&](const auto&... seen) { recorder.see_step(seen...); };
    options.on_step = [&](const StepProgress&) { progress_.step(); };
    const Result result = generate(
        model_, settings_.requests[run], [&] { return recorder.policy(); }, options);
    Profile profile = recorder.finish(result.latents);
    profile.dtype = dtype_name(settings_.session.load.dtype);
    parts_.save_run(run, profile);
    program_.console.event({{"event", "prompt"},
                            {"index", run},
                            {"count", runs()},
                            {"prompt", settings_.requests[run].prompt},
                            {"seconds", result.seconds.denoise}});
  }

  void measure_edges(std::size_t run) {
    at::Tensor rows = parts_.read_edges(run);
    auto step = static_cast<int>(rows_done(run));
    if (step == resolved_.steps) return;
    progress_.begin(Phase::kEdges, fmt::format("edges of prompt {}/{}", run + 1, edge_runs()));
    SegmentReplay replay(
        model_, settings_.requests[run],
        {.max_skip = settings_.max_skip, .engine = {}, .stop = program_.interrupt.token(), .on_step = [&] {
           progress_.step();
         }});
    for (; step < resolved_.steps; ++step) {
      const at::Tensor row = at::tensor(replay.errors_from(step), at::kDouble).unsqueeze(0);
      rows = rows.defined() ? at::cat({rows, row}) : row;
      parts_.save_edges(run, rows);
    }
    program_.console.event({{"event", "edges"}, {"index", run}, {"count", edge_runs()}});
  }

  Profile read_part(std::size_t run) const {
    Profile profile;
    if (run < runs()) {
      profile = parts_.read_run(run);
    } else {  // edges alone
      profile.model = model_.denoiser().topology().identity;
      profile.units = model_.denoiser().topology().unit_count();
      profile.run = run_info(resolved_);
      profile.sigmas = solver_for(model_, resolved_)->full_grid(resolved_.steps).sigmas;
      profile.version = DITTO_VERSION;
      profile.dtype = dtype_name(settings_.session.load.dtype);
      profile.prompts = 1;
    }
    if (run < edge_runs()) profile.arrays["edge_error.by_prompt"] = parts_.read_edges(run).unsqueeze(0);
    return profile;
  }

  [[noreturn]] void throw_interrupted() const {
    std::size_t finished = 0, with_edges = 0;
    for (std::size_t run = 0; run < runs(); ++run) finished += parts_.has_run(run) ? 1 : 0;
    for (std::size_t run = 0; run < edge_runs(); ++run) with_edges += rows_done(run) == resolved_.steps ? 1 : 0;
    throw Error(ExitCode::kInterrupted,
                fmt::format("interrupted: {} of {} prompts and the edges of {} of {} are finished and kept in {}; the "
                            "same command goes on from there",
                            finished, runs(), with_edges, edge_runs(), printable(parts_.folder().string())));
  }

  Program& program_;
  const ProfileSettings& settings_;
  const VideoModel& model_;
  ResolvedRequest resolved_;
  ArrayGroups run_groups_;
  PartStore parts_;
  WorkProgress progress_;
};

}  // namespace

Profile measure_profile(Program& program, const ProfileSettings& settings) {
  return ProfileRun(program, settings).finish();
}

}  // namespace ditto
