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

/// Clusters whose weights every CPU selects among in registers, and the length of their row, that of the longest one.
inline constexpr int kSelectable = 8, kSelectableRow = 16;

/// out = residual + gate * (sum of weights[k] * terms[k] + bias). With `column_weights` [terms, columns], or on a CPU
/// with `cluster_of_column` and `cluster_weights`, these stand for `weights`. A null bias, gate or residual is left
/// out.
struct BlendArguments {
  ElementType type;
  int count;
  ConstMatrix terms[kMaxTerms];
  float weights[kMaxTerms];
  const float* column_weights;
  const std::int32_t* cluster_of_column;
  float cluster_weights[kMaxTerms][kSelectableRow];
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
/// rotation [period, width / 2] of complex fp32 is null. The weight has the type of x, or is the wide one; the other is
/// null.
struct RmsNormArguments {
  ElementType type;
  ConstMatrix x;
  Matrix out;
  std::int64_t columns;
  const void* weight;
  float epsilon;
  const float* rotation;
  std::int64_t period, width;
  const float* wide_weight = nullptr;
};

/// value = unconditional + guidance * (conditional - unconditional), or the conditional alone without the other, times
/// `factor`; every product and sum rounded to the type, as ATen's separate operations do. Arrays without gaps.
struct VelocityArguments {
  ElementType type;
  const void* conditional;
  const void* unconditional;
  float guidance;
  float factor;
};

/// out = latent + value, of the velocity's type; the latent has that type or is fp32.
struct EulerArguments {
  VelocityArguments velocity;
  bool wide_latent;
  const void* latent;
  void* out;
};

/// In fp32: data = latent + value; corrected = sum of corrector * (start, current, data, previous), or the latent when
/// `start` is null; next = sum of predictor * (corrected, data, current). A null term is left out.
struct UniPcArguments {
  VelocityArguments velocity;
  const float* latent;
  const float* start;
  const float* current;
  const float* previous;
  float corrector[4];
  float predictor[3];
  float* data;
  float* corrected;
  float* next;
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
