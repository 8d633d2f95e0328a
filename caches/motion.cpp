#include "caches/motion.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/sum.h>

namespace ditto {

double frame_motion(const at::Tensor& feature, std::int64_t frames) {
  TORCH_CHECK(feature.size(1) % frames == 0, "motion: ", feature.size(1), " tokens are not ", frames, " frames");
  const at::Tensor by_frame = feature.to(at::kFloat).reshape({frames, -1});
  const at::Tensor later = by_frame.narrow(0, 1, frames - 1), earlier = by_frame.narrow(0, 0, frames - 1);
  const auto size = [](const at::Tensor& tensor) { return tensor.abs().sum().item<double>(); };
  return size(later - earlier) / (size(later) + size(earlier));
}

}  // namespace ditto
