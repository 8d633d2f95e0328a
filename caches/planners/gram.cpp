#include "caches/planners/gram.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/mean.h>

#include <fmt/format.h>

#include "core/error.h"

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

}  // namespace ditto
