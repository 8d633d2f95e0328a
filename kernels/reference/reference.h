#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "kernels/blend.h"
#include "kernels/change_metrics.h"
#include "kernels/int8_rows.h"
#include "kernels/solver_update.h"

/// The meaning of every kernel in plain, unfused ATen operations: works on every device and dtype, and is what the fast
/// forms are tested against. Arguments are those of the kernel of the same name.
namespace ditto::kernels::reference {

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool gelu_tanh);
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);
at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon);
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon);
at::Tensor rotate(const at::Tensor& x, const at::Tensor& rotation);
void gated_add_(const at::Tensor& target, const at::Tensor& x, const at::Tensor& gate);
/// The weighted sum as it is before it is rounded: in fp32, or in fp64 for fp64 terms.
at::Tensor wide_weighted_sum(std::span<const at::Tensor> terms, const BlendWeights& weights);
void gated_add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                             const at::Tensor& bias, const at::Tensor& gate);
at::Tensor guided(const Velocity& velocity);
at::Tensor euler_update(const Velocity& velocity, double factor, const at::Tensor& latent);
UniPcUpdate unipc_update(const Velocity& velocity, double sigma, const at::Tensor& latent, const UniPcHistory& history,
                         const std::optional<UniPcWeights>& corrector, const UniPcWeights& predictor);
at::Tensor l1_sums(const at::Tensor& now, const at::Tensor& before);
double cosine_similarity(const at::Tensor& now, const at::Tensor& before);
double mean_squared_error(const at::Tensor& now, const at::Tensor& before);
QuantisedRows quantise_rows(const at::Tensor& x);
at::Tensor dequantise(const DequantisedSum& product, at::ScalarType dtype);

}  // namespace ditto::kernels::reference
