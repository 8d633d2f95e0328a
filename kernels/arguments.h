#pragma once

#include <cstdint>

/// Arguments of the compiled kernels: pointers, sizes and element types, without LibTorch's headers. Strides are in
/// elements; columns are neighbours in memory.
namespace ditto::kernels {

/// Elements of the activations; parameters (gates, biases, scales, weights of norms when not said otherwise) are fp32.
enum class ElementType : std::uint8_t { kFloat32, kBfloat16, kFloat16 };

struct ConstMatrix {
  const void* data;
  std::int64_t stride;
};
struct Matrix {
  void* data;
  std::int64_t stride;
};

inline constexpr int kMaxTerms = 6;

/// out = residual + gate * (sum of weights[k] * terms[k] + bias). With `column_weights` [terms, columns] these stand
/// for `weights`. A null bias, gate or residual is left out.
struct BlendArguments {
  ElementType type;
  int count;
  ConstMatrix terms[kMaxTerms];
  float weights[kMaxTerms];
  const float* column_weights;
  const float* bias;
  const float* gate;
  ConstMatrix residual;
  Matrix out;
  std::int64_t columns;
};

/// out = (x - mean) / sqrt(variance + epsilon) * scale + shift of every row.
struct LayerNormArguments {
  ElementType type;
  ConstMatrix x;
  Matrix out;
  std::int64_t columns;
  const float* scale;
  const float* shift;
  float epsilon;
};

/// out = x / sqrt(mean(x^2) + epsilon) * weight of every row, then rotated in segments of `width` columns unless the
/// rotation [period, width / 2] of complex fp32 is null. The weight has the type of x.
struct RmsNormArguments {
  ElementType type;
  ConstMatrix x;
  Matrix out;
  std::int64_t columns;
  const void* weight;
  float epsilon;
  const float* rotation;
  std::int64_t period, width;
};

/// Two arrays and what is to be summed over their elements.
struct PairArguments {
  ElementType type;
  const void* a;
  const void* b;
};

/// out = round(x / scale) as int8 with scale = max|x| / 127 of the row (1 for a row of zeros).
struct QuantiseArguments {
  ElementType type;
  ConstMatrix x;
  Matrix out;
  std::int64_t columns;
  float* scales;
};

/// out = residual + gate * (sums * row_scale * column_scale + bias) with int32 sums. A null bias, gate or residual is
/// left out.
struct DequantiseArguments {
  ElementType type;
  ConstMatrix sums;
  const float* row_scale;
  const float* column_scale;
  const float* bias;
  const float* gate;
  ConstMatrix residual;
  Matrix out;
  std::int64_t columns;
};

}  // namespace ditto::kernels
