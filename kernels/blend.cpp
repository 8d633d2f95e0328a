#include "kernels/blend.h"

#include <algorithm>
#include <optional>

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/gpu.h"
#include "kernels/host/matrices.h"
#include "kernels/host/parallel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

bool is_plain(const BlendWeights& weights) {
  return !weights.cluster_of_channel.defined() && weights.values.size() == 1 && weights.values.front() == 1.0F;
}

void check(std::span<const at::Tensor> terms, const BlendWeights& weights) {
  const std::size_t values = weights.values.size();
  const bool fits = !terms.empty() && (weights.cluster_of_channel.defined() ? values > 0 && values % terms.size() == 0
                                                                            : values == terms.size());
  TORCH_CHECK(fits, "blend: ", terms.size(), " terms, ", values, " weights");
}

void check_target(const at::Tensor& target, std::span<const at::Tensor> terms) {
  TORCH_CHECK(target.sizes() == terms.front().sizes(), "blend: target ", target.sizes(), ", terms ",
              terms.front().sizes());
}

/// The cluster of every channel, int32 on the CPU.
at::Tensor clusters_by_column(const BlendWeights& weights, std::size_t clusters, std::int64_t columns) {
  const at::Tensor cluster = weights.cluster_of_channel.to(at::kCPU, at::kInt).contiguous();
  TORCH_CHECK(cluster.numel() == columns, "blend: ", cluster.numel(), " clusters for ", columns, " channels");
  const auto exists = [&](std::int32_t index) { return index >= 0 && static_cast<std::size_t>(index) < clusters; };
  TORCH_CHECK(std::ranges::all_of(std::span(cluster.const_data_ptr<std::int32_t>(), columns), exists),
              "blend: channels of more than ", clusters, " clusters");
  return cluster;
}

/// weights[k] of every channel, fp32 [terms, channels] on the CPU.
at::Tensor weights_by_column(const BlendWeights& weights, std::size_t terms, const at::Tensor& cluster_of_column) {
  const std::span clusters(cluster_of_column.const_data_ptr<std::int32_t>(), cluster_of_column.numel());
  const at::Tensor table = at::empty({static_cast<std::int64_t>(terms), cluster_of_column.numel()}, at::kFloat);
  float* entry = table.mutable_data_ptr<float>();
  for (std::size_t k = 0; k < terms; ++k) {
    for (const std::int32_t cluster : clusters) {
      *entry++ = weights.values[static_cast<std::size_t>(cluster) * terms + k];
    }
  }
  return table;
}

/// A blend in the terms of the compiled kernels.
struct CompiledBlend {
  BlendArguments arguments{};
  std::int64_t rows = 0;
  bool flat = true;  ///< nothing depends on the column and no row has a gap: one long row
  at::Tensor clusters, column_weights;

  void run(c10::Device device) {
    if (flat) become_one_row();
    if (const CudaKernels* const gpu = gpu_kernels(device)) {
      start_on_gpu(device, "blend", [&](CUstream_st* stream) { return gpu->blend(arguments, rows, stream); });
      return;
    }
    const std::int64_t columns = arguments.columns;
    const auto blend = cpu_kernels().blend;
    if (rows == 1) {
      parallel_ranges(columns, kElementsPerThread,
                      [&](std::int64_t begin, std::int64_t end) { blend(arguments, 0, 1, begin, end); });
    } else {
      parallel_rows(rows, columns,
                    [&](std::int64_t first, std::int64_t last) { blend(arguments, first, last, 0, columns); });
    }
  }

 private:
  void become_one_row() {
    arguments.columns *= rows;
    rows = 1;
    for (int k = 0; k < arguments.count; ++k) arguments.terms[k].stride = 0;
    arguments.residual.stride = arguments.out.stride = 0;
  }
};

/// Adds a matrix to the blend; false when it is none of that type, size and device.
bool take(CompiledBlend& blend, const at::Tensor& tensor, const at::Tensor& like, auto& destination) {
  if (tensor.scalar_type() != like.scalar_type() || tensor.sizes() != like.sizes() ||
      tensor.device() != like.device()) {
    return false;
  }
  const std::optional<MatrixView> view = matrix_view(tensor);
  if (!view) return false;
  blend.flat = blend.flat && view->contiguous();
  blend.rows = view->rows;
  blend.arguments.columns = view->columns;
  destination = *view;
  return true;
}

void take_clusters(CompiledBlend& blend, const BlendWeights& weights, c10::Device device) {
  BlendArguments& arguments = blend.arguments;
  const auto terms = static_cast<std::size_t>(arguments.count), clusters = weights.values.size() / terms;
  blend.flat = false;
  blend.clusters = clusters_by_column(weights, clusters, arguments.columns);
  if (clusters <= kSelectable && gpu_kernels(device) == nullptr) {
    arguments.cluster_of_column = blend.clusters.const_data_ptr<std::int32_t>();
    for (std::size_t i = 0; i < weights.values.size(); ++i) {
      arguments.cluster_weights[i % terms][i / terms] = weights.values[i];
    }
  } else {
    blend.column_weights = uploaded(weights_by_column(weights, terms, blend.clusters), device);
    arguments.column_weights = blend.column_weights.const_data_ptr<float>();
  }
}

/// Nothing when the compiled kernels cannot do it; `residual` may be `out`.
std::optional<CompiledBlend> compiled(const at::Tensor& out, std::span<const at::Tensor> terms,
                                      const BlendWeights& weights, bool adds) {
  const std::optional<ElementType> type = element_type(out);
  if (!type || terms.size() > kMaxTerms) return std::nullopt;
  CompiledBlend blend;
  blend.arguments.type = *type;
  blend.arguments.count = static_cast<int>(terms.size());
  if (!take(blend, out, out, blend.arguments.out)) return std::nullopt;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    if (!take(blend, terms[k], out, blend.arguments.terms[k])) return std::nullopt;
  }
  if (adds) blend.arguments.residual = {blend.arguments.out.data, blend.arguments.out.stride};
  if (weights.cluster_of_channel.defined()) {
    take_clusters(blend, weights, out.device());
  } else {
    std::ranges::copy(weights.values, blend.arguments.weights);
  }
  return blend;
}

}  // namespace

at::Tensor weighted_sum(std::span<const at::Tensor> terms, const BlendWeights& weights, KernelMode mode) {
  check(terms, weights);
  if (is_plain(weights)) return terms.front();
  if (mode == KernelMode::kAuto) {
    const at::Tensor sum = at::empty_like(terms.front());
    if (auto blend = compiled(sum, terms, weights, /*adds=*/false)) {
      blend->run(sum.device());
      return sum;
    }
  }
  return reference::wide_weighted_sum(terms, weights).to(terms.front().scalar_type());
}

void add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                       KernelMode mode) {
  check(terms, weights);
  check_target(target, terms);
  if (is_plain(weights)) {
    target.add_(terms.front());
    return;
  }
  if (mode == KernelMode::kAuto) {
    if (auto blend = compiled(target, terms, weights, /*adds=*/true)) return blend->run(target.device());
  }
  target.add_(reference::wide_weighted_sum(terms, weights));
}

void gated_add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                             const at::Tensor& bias, const at::Tensor& gate, KernelMode mode) {
  check(terms, weights);
  check_target(target, terms);
  const std::int64_t channels = target.size(-1);
  TORCH_CHECK(gate.scalar_type() == at::kFloat && gate.numel() == channels, "blend: gate ", gate.sizes());
  TORCH_CHECK(!bias.defined() || (bias.scalar_type() == at::kFloat && bias.numel() == channels), "blend: bias ",
              bias.sizes());
  check_device("blend", target, {bias, gate});
  if (mode == KernelMode::kAuto) {
    const at::Tensor near_gate = near(gate), near_bias = near(bias);
    if (auto blend = compiled(target, terms, weights, /*adds=*/true)) {
      blend->flat = false;
      blend->arguments.gate = near_gate.const_data_ptr<float>();
      if (bias.defined()) blend->arguments.bias = near_bias.const_data_ptr<float>();
      return blend->run(target.device());
    }
  }
  reference::gated_add_weighted_sum_(target, terms, weights, bias, gate);
}

void assign_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                          KernelMode mode) {
  check(terms, weights);
  check_target(target, terms);
  if (is_plain(weights)) {
    target.copy_(terms.front());
    return;
  }
  if (mode == KernelMode::kAuto) {
    if (auto blend = compiled(target, terms, weights, /*adds=*/false)) return blend->run(target.device());
  }
  target.copy_(reference::wide_weighted_sum(terms, weights));
}

}  // namespace ditto::kernels
