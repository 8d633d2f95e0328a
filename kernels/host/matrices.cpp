#include "kernels/host/matrices.h"

#include <c10/util/Exception.h>

#include "kernels/host/gpu.h"

namespace ditto::kernels {

std::optional<ElementType> element_type(const at::Tensor& tensor) {
  if (!tensor.is_cpu() && gpu_kernels(tensor.device()) == nullptr) return std::nullopt;
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ElementType::kFloat32;
    case at::kBFloat16:
      return ElementType::kBfloat16;
    case at::kHalf:
      return ElementType::kFloat16;
    default:
      return std::nullopt;
  }
}

void check_device(const char* operation, const at::Tensor& like, at::ArrayRef<at::Tensor> tensors) {
  for (const at::Tensor& tensor : tensors) {
    TORCH_CHECK(!tensor.defined() || tensor.device() == like.device(), operation, ": a parameter on ", tensor.device(),
                " for a tensor on ", like.device());
  }
}

std::optional<MatrixView> matrix_view(const at::Tensor& tensor) {
  const at::IntArrayRef sizes = tensor.sizes(), strides = tensor.strides();
  MatrixView view{static_cast<char*>(tensor.data_ptr()), 1, 1, 1};
  if (sizes.empty()) return view;
  if (tensor.numel() == 0) return MatrixView{view.data, 0, sizes.back(), sizes.back()};
  view.columns = sizes.back();
  if (view.columns > 1 && strides.back() != 1) return std::nullopt;
  view.stride = view.columns;
  for (std::size_t axis = sizes.size() - 1; axis-- > 0;) {
    if (sizes[axis] == 1) continue;
    if (view.rows == 1) view.stride = strides[axis];
    if (strides[axis] != view.rows * view.stride) return std::nullopt;
    view.rows *= sizes[axis];
  }
  // Rows that overlap, as expanded ones do, are no matrix to write to.
  if (view.rows > 1 && view.stride < view.columns) return std::nullopt;
  return view;
}

at::Tensor as_matrix(const at::Tensor& tensor) { return matrix_view(tensor) ? tensor : tensor.contiguous(); }

at::Tensor near(const at::Tensor& tensor) { return tensor.defined() ? tensor.contiguous() : tensor; }

at::Tensor uploaded(const at::Tensor& tensor, c10::Device device) {
  if (device.is_cpu()) return tensor;
  // LibTorch keeps pinned memory until the copy is done.
  return tensor.pin_memory().to(tensor.options().device(device), /*non_blocking=*/true);
}

}  // namespace ditto::kernels
