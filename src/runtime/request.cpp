#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>
#include <unistd.h>

#include "core/error.h"
#include "runtime/pipeline.h"
#include "solvers/solver.h"

namespace ditto {
namespace {

constexpr int kMaxSteps = 1000;  // the schedulers' number of training timesteps

std::int64_t physical_memory_bytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::int64_t>(sysconf(_SC_PAGE_SIZE));
}

void check_noise(const at::Tensor& noise, at::IntArrayRef sizes) {
  if (!noise.defined()) return;
  if (noise.sizes() != sizes) {
    throw Error(ExitCode::kUsage,
                fmt::format("--noise: its shape is [{}]; accepted: [{}] for this model, size and frames",
                            fmt::join(noise.sizes(), ","), fmt::join(sizes, ",")));
  }
  if (noise.scalar_type() != at::kFloat) {
    throw Error(ExitCode::kUsage, "--noise: its dtype is not accepted; accepted: fp32");
  }
}

/// The solver's own refusal, under the name of the option.
void check_solver(const VideoModel& model, const ResolvedRequest& request) {
  SolverOptions options = model.defaults().solver_options;
  options.shift = request.shift;
  try {
    const StepGrid grid = make_solver(request.solver, options)->full_grid(request.steps);
    // As the solvers hold them.
    const auto falls = [](double a, double b) { return static_cast<float>(a) > static_cast<float>(b); };
    if (std::ranges::adjacent_find(grid.sigmas, std::not_fn(falls)) != grid.sigmas.end()) {
      throw Error(
          ExitCode::kUsage,
          fmt::format("shift: {} leaves no difference between some of {} noise levels; accepted: a smaller one, or "
                      "fewer --steps",
                      request.shift, request.steps));
    }
  } catch (const Error& error) {
    throw Error(error.code(), std::string("--") + error.what());
  }
}

/// Of the CPU's memory; a GPU's own allocator says what it has.
void check_memory(const VideoModel& model, const ResolvedRequest& request) {
  if (!model.denoiser().device().is_cpu()) return;
  const std::int64_t needed = model.weight_bytes() + model.activation_bytes(request.latent_sizes);
  const std::int64_t available = physical_memory_bytes();
  if (needed <= available) return;
  throw Error(
      ExitCode::kOutOfMemory,
      fmt::format("--size {}x{} --frames {}: about {:.1f} GiB of memory are needed and this machine has {:.1f} GiB; "
                  "accepted: a smaller size or fewer frames",
                  request.width, request.height, request.frames, std::ldexp(static_cast<double>(needed), -30),
                  std::ldexp(static_cast<double>(available), -30)));
}

}  // namespace

ResolvedRequest resolve(const VideoModel& model, const Request& request) {
  const ModelDefaults& defaults = model.defaults();
  ResolvedRequest resolved;
  resolved.prompt = request.prompt;
  resolved.negative = request.negative;
  resolved.seed = request.seed;
  resolved.width = request.width.value_or(defaults.width);
  resolved.height = request.height.value_or(defaults.height);
  resolved.frames = request.frames.value_or(defaults.frames);
  resolved.steps = request.steps.value_or(defaults.steps);
  resolved.guidance = request.guidance.value_or(defaults.guidance);
  resolved.shift = request.shift.value_or(defaults.solver_options.shift);
  resolved.solver = request.solver.value_or(defaults.solver);
  if (resolved.steps < 1 || resolved.steps > kMaxSteps) {
    throw Error(ExitCode::kUsage,
                fmt::format("--steps: {} is not possible; accepted: 1 to {}", resolved.steps, kMaxSteps));
  }
  if (!std::isfinite(resolved.guidance) || resolved.guidance < 0) {
    throw Error(ExitCode::kUsage,
                fmt::format("--guidance: {} is not possible; accepted: a finite number, 0 or more", resolved.guidance));
  }
  check_solver(model, resolved);
  resolved.latent_sizes = model.latent_sizes(resolved.width, resolved.height, resolved.frames);
  check_noise(request.noise, resolved.latent_sizes);
  check_memory(model, resolved);
  resolved.branches = {Branch::kConditional};
  if (resolved.guidance > 1 && !model.denoiser().topology().guidance_distilled) {
    resolved.branches.push_back(Branch::kUnconditional);
  }
  return resolved;
}

}  // namespace ditto
