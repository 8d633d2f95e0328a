#include "runtime/guidance.h"

namespace ditto {

kernels::Velocity guide(std::span<const at::Tensor> predictions, double guidance) {
  if (predictions.size() == 1) return predictions.front();
  return {predictions.front(), predictions[1], guidance};
}

}  // namespace ditto
