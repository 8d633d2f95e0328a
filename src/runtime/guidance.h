#pragma once

#include <span>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Classifier-free guidance: unconditional + guidance * (conditional - unconditional), in the predictions' dtype. A
/// single prediction (the conditional one) is returned as it is.
at::Tensor guide(std::span<const at::Tensor> predictions, double guidance);

}  // namespace ditto
