#include "apps/dit_profile/closed_loop.h"

#include <cmath>
#include <memory>

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/square.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "apps/common/step_reporter.h"
#include "apps/dit_profile/requests.h"
#include "caches/schedule.h"
#include "core/error.h"
#include "core/printable.h"
#include "runtime/run_setup.h"

namespace ditto {
namespace {

/// A request with the settings that were profiled.
Request base_request(const Profile& profile) {
  Request request;
  request.width = profile.run.width;
  request.height = profile.run.height;
  request.frames = profile.run.frames;
  request.steps = profile.run.steps;
  request.guidance = profile.run.guidance;
  request.shift = profile.run.shift;
  request.solver = profile.run.solver;
  return request;
}

/// Errors are compared with those of the profile: lines may not have a size of their own.
void require_sizes(const std::filesystem::path& prompts, const VideoModel& model, const RunInfo& profiled,
                   const std::vector<Request>& requests) {
  const auto other = first_of_other_size(model, requests, profiled.width, profiled.height, profiled.frames);
  if (!other) return;
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: its prompts have other sizes than the profile ({}x{}x{}, not {}x{}x{}); accepted: the "
                          "profile's size for all",
                          printable(prompts.string()), other->width, other->height, other->frames, profiled.width,
                          profiled.height, profiled.frames));
}

}  // namespace

ClosedLoop::ClosedLoop(Program& program, const ModelArguments& model, const std::filesystem::path& prompts,
                       const Profile& profile)
    : program_(program),
      requests_(read_requests(program, {.prompts = prompts}, base_request(profile))),
      full_(requests_.size()) {
  session_ = open_session(model, program.console);
  profile.require_fits(session_.model->denoiser().topology(), profile.run);
  require_sizes(prompts, *session_.model, profile.run, requests_);
}

double ClosedLoop::error(const Trace& schedule, int prompt) {
  ++runs_;
  at::Tensor& full = full_[static_cast<std::size_t>(prompt)];
  if (!full.defined()) full = pixels_of(prompt, nullptr);
  const at::Tensor difference = pixels_of(prompt, &schedule) - full;
  return std::sqrt(difference.square().mean(at::kDouble).item<double>());
}

at::Tensor ClosedLoop::pixels_of(int prompt, const Trace* schedule) {
  const c10::InferenceMode inference;
  const std::string what = schedule == nullptr ? "full compute" : fmt::format("run {} of plans", runs_);
  GenerateOptions options;
  options.decode = false;
  options.stop = program_.interrupt.token();
  options.on_step =
      StepReporter(program_.console, fmt::format("{}, prompt {}/{}: ", what, prompt + 1, prompts()), false);
  const Request& request = requests_[static_cast<std::size_t>(prompt)];
  const VideoModel& model = *session_.model;
  const Result result =
      schedule == nullptr
          ? generate(model, request, options)
          : generate(
                model, request, [&] { return make_schedule(*schedule, "the planned schedule"); }, options);
  const at::Tensor pixels = model.decode(result.latents, [this](int, int) { return !program_.interrupt.requested(); });
  if (!pixels.defined()) throw Cancelled();
  require_finite_pixels(pixels);
  return (pixels / 2 + 0.5).clamp(0, 1).to(at::kFloat);
}

}  // namespace ditto
