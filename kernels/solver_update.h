#pragma once

#include <optional>
#include <utility>

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// What the network says of a step, before guidance: unconditional + guidance * (conditional - unconditional), or the
/// conditional prediction alone when the other is undefined. Both have one shape and dtype.
struct Velocity {
  at::Tensor conditional, unconditional;
  double guidance = 1;

  Velocity(at::Tensor alone) : conditional(std::move(alone)) {}
  Velocity(at::Tensor towards, at::Tensor away, double scale)
      : conditional(std::move(towards)), unconditional(std::move(away)), guidance(scale) {}
};

/// The guided velocity by itself, in its dtype. A conditional prediction alone is returned as it is.
at::Tensor guided(const Velocity& velocity);

/// latent + factor * velocity in the dtype of the velocity, added in fp32. Here and below the product is rounded
/// exactly as diffusers' product of a 0-dim fp32 tensor and the velocity is on that device: below fp32 it is rounded
/// before it is added, on the CPU the factor is too.
at::Tensor euler_update(const Velocity& velocity, double factor, const at::Tensor& latent, KernelMode mode);

/// One UniPC update as weights over tensors: the latent the step started from, the data predictions at the step's start
/// (`current`), at the step before (`previous`) and at its end (`fresh`, for the corrector only). They sum to 1.
struct UniPcWeights {
  double latent = 0;
  double current = 0;
  double previous = 0;
  double fresh = 0;
};

/// What UniPC knows between two steps, in fp32: the (corrected) latent that the last step started from, the data
/// prediction there and the one a step before. Undefined where there is none.
struct UniPcHistory {
  at::Tensor latent, current, previous;
};

struct UniPcUpdate {
  UniPcHistory history;
  at::Tensor latent;  ///< that enters the next step
};

/// The data prediction latent - sigma * velocity; with it the entering latent is corrected, unless there is no
/// corrector, and the next one predicted. Everything is fp32 and fresh but `history.previous`, the old `current`. A
/// term that must not be undefined is one with a weight.
UniPcUpdate unipc_update(const Velocity& velocity, double sigma, const at::Tensor& latent, const UniPcHistory& history,
                         const std::optional<UniPcWeights>& corrector, const UniPcWeights& predictor, KernelMode mode);

}  // namespace ditto::kernels
