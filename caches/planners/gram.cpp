#include "caches/planners/gram.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>

#include <fmt/format.h>

#include "core/error.h"
#include "solvers/unipc_weights.h"

namespace ditto {

Gram::Gram(const at::Tensor& matrices, int size, std::string_view source) : size_(size) {
  const auto refuse = [&](const std::string& what, const std::string& accepted) {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; accepted: {}", source, what, accepted));
  };
  if (matrices.dim() < 3 || matrices.size(-1) != size || matrices.size(-2) != size || matrices.numel() == 0) {
    refuse(fmt::format("its shape is [{}]", fmt::join(matrices.sizes(), ",")), fmt::format("[..., {0}, {0}]", size));
  }
  if (!at::isfinite(matrices).all().item<bool>()) refuse("holds values that are not finite", "finite numbers");
  const at::Tensor samples = matrices.reshape({-1, size, size}).to(at::kDouble);
  samples_ = static_cast<int>(samples.size(0));
  const at::Tensor all = at::cat({samples.mean(0, /*keepdim=*/true), samples}).contiguous();
  entries_.assign(all.const_data_ptr<double>(), all.const_data_ptr<double>() + all.numel());
}

double Gram::entry(int sample, int a, int b) const {
  const auto size = static_cast<std::size_t>(size_);
  return entries_[(static_cast<std::size_t>(sample) * size + static_cast<std::size_t>(a)) * size +
                  static_cast<std::size_t>(b)];
}

double Gram::rms(std::span<const GramTerm> terms) const { return rms(terms, -1); }

double Gram::rms(std::span<const GramTerm> terms, int sample) const {
  double square = 0;
  for (const GramTerm& a : terms) {
    for (const GramTerm& b : terms) square += a.weight * b.weight * entry(sample + 1, a.index, b.index);
  }
  return std::sqrt(std::max(square, 0.0));
}

at::Tensor with_corrected_latents(const at::Tensor& matrices, std::span<const double> sigmas) {
  const auto steps = static_cast<std::int64_t>(sigmas.size()) - 1;
  const auto sigma = [&](std::int64_t node) { return sigmas[static_cast<std::size_t>(node)]; };
  // Row j: what latent j is, in terms of the stored tensors. Latent 0 is never corrected, latent T has no prediction.
  at::Tensor rows = at::eye(2 * steps + 1, at::kDouble);
  const auto prediction = [&](std::int64_t node) { return rows[steps + 1 + node]; };
  for (std::int64_t j = 1; j < steps; ++j) {
    const bool second_order = j >= 2;
    const UniPcWeights weights =
        unipc_corrector(sigma(j - 1), sigma(j), second_order ? std::optional(sigma(j - 2)) : std::nullopt);
    at::Tensor corrected =
        rows[j - 1] * weights.latent + prediction(j - 1) * weights.current + prediction(j) * weights.fresh;
    if (second_order) corrected = corrected + prediction(j - 2) * weights.previous;
    rows[j].copy_(corrected);
  }
  return at::matmul(at::matmul(rows, matrices.to(at::kDouble)), rows.t());
}

}  // namespace ditto
