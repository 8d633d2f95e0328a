#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/model.h"

namespace ditto {

/// What shifts, scales and gates the units of one block at one step: fp32 [width] each. Scales hold 1 + scale.
struct WanBlockModulation {
  at::Tensor attention_shift, attention_scale, attention_gate;
  at::Tensor feed_forward_shift, feed_forward_scale, feed_forward_gate;
};

/// Everything of one step that depends on its timestep alone.
struct WanStepModulation {
  at::Tensor time_embedding;   ///< [1, width]
  at::Tensor time_projection;  ///< [1, 6, width]
  std::vector<WanBlockModulation> blocks;
  at::Tensor head_shift, head_scale;  ///< fp32 [width]
};

/// Keys and values of the text in one block: [branches, text tokens, heads, head width].
struct WanTextContext {
  at::Tensor keys, values;

  /// Those of the given branches, one batch row each; views where the branches follow one another.
  WanTextContext rows(const std::vector<int>& branches) const;
};

/// What the Wan transformer computes once per run.
struct WanRunContext final : RunContext {
  std::array<std::int64_t, 3> grid{};  ///< tokens per axis: frames, height, width
  at::Tensor rotation;
  std::vector<WanStepModulation> steps;
  std::vector<WanTextContext> text;  ///< per block
};

}  // namespace ditto
