#pragma once

#include "kernels/cpu/arguments.h"
#include "kernels/fused/place.h"

DITTO_BEGIN_TARGET

void blend(const BlendArguments& arguments, std::int64_t first, std::int64_t last, std::int64_t begin,
           std::int64_t end);
void layer_norm(const LayerNormArguments& arguments, std::int64_t first, std::int64_t last);
void rms_norm(const RmsNormArguments& arguments, std::int64_t first, std::int64_t last);
void l1_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals);
void product_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals);
void squared_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals);
void quantise(const QuantiseArguments& arguments, std::int64_t first, std::int64_t last);
void dequantise(const DequantiseArguments& arguments, std::int64_t first, std::int64_t last);

/// Calls function(T{}) with the element type's representation.
template <typename Function>
DITTO_HOST_DEVICE void with_type(ElementType type, const Function& function) {
  switch (type) {
    case ElementType::kFloat32:
      return function(float{});
    case ElementType::kBfloat16:
      return function(Bfloat16{});
    case ElementType::kFloat16:
      return function(Half{});
  }
}

template <typename T>
DITTO_HOST_DEVICE Rows<const T> rows_of(const ConstMatrix& matrix) {
  return {static_cast<const T*>(matrix.data), matrix.stride};
}
template <typename T>
DITTO_HOST_DEVICE Rows<T> rows_of(const Matrix& matrix) {
  return {static_cast<T*>(matrix.data), matrix.stride};
}

DITTO_END_TARGET
