#include "runtime/guidance.h"

#include <ATen/TensorOperators.h>

namespace ditto {

at::Tensor guide(std::span<const at::Tensor> predictions, double guidance) {
  const at::Tensor& conditional = predictions.front();
  if (predictions.size() == 1) return conditional;
  const at::Tensor& unconditional = predictions[1];
  return unconditional + guidance * (conditional - unconditional);
}

}  // namespace ditto
