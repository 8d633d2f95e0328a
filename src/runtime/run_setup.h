#pragma once

#include <memory>
#include <vector>

#include "core/run_info.h"
#include "core/step_grid.h"
#include "core/video_model.h"
#include "runtime/pipeline.h"
#include "solvers/solver.h"

namespace ditto {

/// The settings of a request that plans and profiles are made for.
RunInfo run_info(const ResolvedRequest& request);

/// The solver a request asks for, with the model's own options but for the shift; not begun.
std::unique_ptr<Solver> solver_for(const VideoModel& model, const ResolvedRequest& request);

/// The steps of a grid that is a part of a full one with `node_count` nodes.
std::vector<StepInfo> schedule_of(const Solver& solver, const StepGrid& grid, int node_count);

/// The noise a run begins with, on the CPU: the request's own, or that of its seed.
at::Tensor noise_of(const Request& request, const ResolvedRequest& resolved);

/// Error(kInternal) when a decoder's pixels have NaN or infinite values: as frames they would pass for black ones.
void require_finite_pixels(const at::Tensor& pixels);

/// Pixels [1, 3, frames, height, width] in [-1, 1] to frames uint8 [frames, height, width, 3] on the CPU; finite ones.
at::Tensor to_frames(const at::Tensor& pixels);

/// Embeddings of the prompt and, with two branches, of the negative prompt.
std::vector<at::Tensor> encode_prompts(const VideoModel& model, const ResolvedRequest& request);

}  // namespace ditto
