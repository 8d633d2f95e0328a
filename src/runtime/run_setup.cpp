#include "runtime/run_setup.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/isfinite.h>

#include "core/error.h"

namespace ditto {

std::unique_ptr<Solver> solver_for(const VideoModel& model, const ResolvedRequest& request) {
  SolverOptions options = model.defaults().solver_options;
  options.shift = request.shift;
  options.kernels = model.denoiser().kernels();
  return make_solver(request.solver, options);
}

std::vector<StepInfo> schedule_of(const Solver& solver, const StepGrid& grid, int node_count) {
  std::vector<StepInfo> schedule;
  for (int k = 0; k < grid.size(); ++k) {
    const double sigma = grid.sigmas[static_cast<std::size_t>(k)];
    schedule.push_back(
        {k, grid.size(), grid.nodes[static_cast<std::size_t>(k)], node_count, solver.timestep(sigma), sigma});
  }
  return schedule;
}

void require_finite_pixels(const at::Tensor& pixels) {
  if (at::isfinite(pixels).all().item<bool>()) return;
  throw Error(
      ExitCode::kInternal,
      "decode: the decoder's pixels have NaN or infinite values; accepted: finite ones (are the weights of vae/ "
      "whole?)");
}

at::Tensor to_frames(const at::Tensor& pixels) {
  require_finite_pixels(pixels);
  return ((pixels.squeeze(0) / 2 + 0.5).clamp(0, 1) * 255)
      .round()
      .to(at::kByte)
      .permute({1, 2, 3, 0})
      .contiguous()
      .cpu();
}

at::Tensor noise_of(const Request& request, const ResolvedRequest& resolved) {
  return request.noise.defined() ? request.noise : draw_noise(resolved.seed, resolved.latent_sizes);
}

std::vector<at::Tensor> encode_prompts(const VideoModel& model, const ResolvedRequest& request) {
  std::vector<at::Tensor> text = {model.encode_text(request.prompt)};
  if (request.branches.size() > 1) text.push_back(model.encode_text(request.negative));
  return text;
}

RunInfo run_info(const ResolvedRequest& request) {
  return {request.solver, request.shift,  request.guidance, request.steps,
          request.width,  request.height, request.frames,   request.branches};
}

}  // namespace ditto
