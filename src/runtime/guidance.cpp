#include "runtime/guidance.h"

#include <c10/core/ScalarType.h>

namespace ditto {

kernels::Velocity guide(std::span<const at::Tensor> predictions, double guidance) {
  if (predictions.size() == 1) return predictions.front();
  // Where one branch was blended and the other computed, one may be wider.
  const at::ScalarType type = c10::promoteTypes(predictions[0].scalar_type(), predictions[1].scalar_type());
  return {predictions[0].to(type), predictions[1].to(type), guidance};
}

}  // namespace ditto
