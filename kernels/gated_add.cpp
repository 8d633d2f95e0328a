#include "kernels/gated_add.h"

#include <array>

#include <c10/util/Exception.h>

#include "kernels/blend.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {

void gated_add_(const at::Tensor& target, const at::Tensor& x, const at::Tensor& gate, KernelMode mode) {
  TORCH_CHECK(target.sizes() == x.sizes() && gate.scalar_type() == at::kFloat, "gated_add: target ", target.sizes(),
              ", x ", x.sizes(), ", gate ", gate.scalar_type());
  if (mode == KernelMode::kReference) return reference::gated_add_(target, x, gate);
  constexpr std::array kOne = {1.0F};
  gated_add_weighted_sum_(target, {&x, 1}, {kOne}, {}, gate, mode);
}

}  // namespace ditto::kernels
