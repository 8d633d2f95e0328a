#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "kernels/solver_update.h"

namespace ditto {

/// Classifier-free guidance of the predictions of a step, the conditional one first; left to the solver, which reads
/// them anyway. A single prediction needs none.
kernels::Velocity guide(std::span<const at::Tensor> predictions, double guidance);

}  // namespace ditto
