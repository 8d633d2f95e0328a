#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "kernels/arguments.h"

namespace ditto::kernels {

/// The element type of a CPU tensor that the compiled kernels know.
std::optional<ElementType> element_type(const at::Tensor& tensor);

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

}  // namespace ditto::kernels
