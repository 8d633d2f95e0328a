#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "kernels/arguments.h"

namespace ditto::kernels {

/// The element type of a tensor that the compiled kernels of its device know.
std::optional<ElementType> element_type(const at::Tensor& tensor);

/// Throws unless every defined one of the tensors lies on the device of `like`.
void check_device(const char* operation, const at::Tensor& like, at::ArrayRef<at::Tensor> tensors);

/// A tensor's elements as rows of its last axis, `stride` elements apart.
struct MatrixView {
  char* data = nullptr;
  std::int64_t rows = 0, columns = 0, stride = 0;

  bool contiguous() const { return stride == columns || rows == 1; }
  operator ConstMatrix() const { return {data, stride}; }
  operator Matrix() const { return {data, stride}; }
};

/// Nothing when the tensor is not such a matrix in memory.
std::optional<MatrixView> matrix_view(const at::Tensor& tensor);

/// The tensor, or a contiguous copy when it is no matrix in memory.
at::Tensor as_matrix(const at::Tensor& tensor);

/// A contiguous tensor, undefined for an undefined one.
at::Tensor near(const at::Tensor& tensor);

/// A tensor of the CPU on a device; on a GPU copied by the current stream, without waiting for it.
at::Tensor uploaded(const at::Tensor& tensor, c10::Device device);

}  // namespace ditto::kernels
