#include "caches/profiling/gram.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/triu.h>
#include <ATen/ops/zeros.h>

#include "caches/profiling/relative_change.h"
#include "caches/profiling/token_sample.h"

namespace ditto {
namespace {

constexpr std::int64_t kChunk = 1 << 16;  // elements of every row that are held in double

/// [rows, rows]: mean absolute difference of every pair.
at::Tensor distance_matrix(const std::vector<at::Tensor>& rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  at::Tensor distances = at::zeros({count, count}, at::kDouble);
  auto table = distances.accessor<double, 2>();
  for (std::int64_t a = 0; a < count; ++a) {
    for (std::int64_t b = 0; b < a; ++b) {
      const at::Tensor difference = rows[static_cast<std::size_t>(a)] - rows[static_cast<std::size_t>(b)];
      table[a][b] = table[b][a] = difference.abs().mean(at::kDouble).item<double>();
    }
  }
  return distances;
}

}  // namespace

at::Tensor gram_matrix(const std::vector<at::Tensor>& rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::int64_t length = rows.front().numel();
  at::Tensor sum = at::zeros({count, count}, at::kDouble);
  for (std::int64_t first = 0; first < length; first += kChunk) {
    std::vector<at::Tensor> parts;
    for (const at::Tensor& row : rows) {
      parts.push_back(row.flatten().narrow(0, first, std::min(kChunk, length - first)).to(at::kCPU, at::kDouble));
    }
    const at::Tensor part = at::stack(parts);
    sum += at::matmul(part, part.t());
  }
  // The product's two triangles may differ in the last bit.
  return (sum.tril() + sum.tril(-1).t()) / static_cast<double>(length);
}

void LatentGram::see_step(const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) {
  latents_.push_back(latent.to(at::kFloat));
  data_.push_back(latents_.back() - prediction.to(at::kFloat) * step.sigma);
}

void LatentGram::finish(const at::Tensor& final_latent, ArrayMap& arrays) {
  std::vector<at::Tensor> rows = latents_;
  rows.push_back(final_latent.to(at::kFloat));
  rows.insert(rows.end(), data_.begin(), data_.end());
  arrays["gram"] = gram_matrix(rows).unsqueeze(0);
}

StackGram::StackGram(const MeasuredRun& run)
    : last_block_(run.blocks() - 1),
      states_(static_cast<std::size_t>(run.branches())),
      inputs_(static_cast<std::size_t>(run.branches())) {}

void StackGram::see_block(const BlockStates& states) {
  if (states.block != last_block_) return;
  states_[static_cast<std::size_t>(states.branch)].push_back(sample_tokens(states.output));
  inputs_[static_cast<std::size_t>(states.branch)].push_back(sample_tokens(states.stack_input));
}

void StackGram::finish(const at::Tensor&, ArrayMap& arrays) {
  std::vector<at::Tensor> grams, delta_grams, delta_errors;
  for (std::size_t branch = 0; branch < states_.size(); ++branch) {
    std::vector<at::Tensor> deltas;
    for (std::size_t step = 0; step < states_[branch].size(); ++step) {
      deltas.push_back(difference_of(states_[branch][step], inputs_[branch][step]));
    }
    grams.push_back(gram_matrix(states_[branch]));
    delta_grams.push_back(gram_matrix(deltas));
    delta_errors.push_back(distance_matrix(deltas));
  }
  arrays["stack_gram"] = at::stack(grams);
  arrays["stack_delta_gram"] = at::stack(delta_grams);
  arrays["stack_delta_error"] = at::stack(delta_errors);
}

}  // namespace ditto
