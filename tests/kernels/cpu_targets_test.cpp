// What holds for all compiled kernels: equal bits for every instruction set and every number of threads, and the exact
// rounding of 16-bit numbers.

#include "cpu_targets.h"

#include <functional>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "kernel_support.h"
#include "kernels/blend.h"
#include "kernels/change_metrics.h"
#include "kernels/gated_add.h"
#include "kernels/int8_rows.h"
#include "kernels/modulated_layer_norm.h"
#include "kernels/rms_norm_rope.h"
#include "kernels/solver_update.h"

namespace ditto::test {
namespace {

constexpr double kEpsilon = 1e-6;

struct Operation {
  std::string name;
  std::function<at::Tensor()> run;
};

at::Tensor in_place(const at::Tensor& start, const auto& update) {
  const at::Tensor target = start.clone();
  update(target);
  return target;
}

/// Every operation on inputs [1, tokens, 2 * width]; the results are fresh tensors.
std::vector<Operation> operations(std::int64_t tokens, std::int64_t width, at::ScalarType dtype) {
  const std::vector<std::int64_t> sizes = {1, tokens, 2 * width};
  const at::Tensor x = normal(sizes, 1, dtype), y = normal(sizes, 2, dtype), z = normal(sizes, 3, dtype);
  const at::Tensor scale = normal({2 * width}, 4), shift = normal({2 * width}, 5),
                   weight = normal({2 * width}, 6, dtype);
  const at::Tensor angles = normal({tokens, 1, width / 2}, 7) * 3, rotation = at::polar(at::ones_like(angles), angles);
  const at::Tensor clusters = at::arange(2 * width, at::kLong) % 2;
  const std::vector<at::Tensor> terms = {x, y, z};
  static const std::vector<float> weights = {1.75F, -1.0F, 0.3F, 0.5F, 2.0F, -1.5F};
  const std::span<const float> three = std::span(weights).first(3);
  const kernels::DequantisedSum product{
      at::randint(-9999, 9999, sizes, at::kInt), normal({1, tokens}, 8) / 100, scale, shift, normal({2 * width}, 9), y};
  return {
      {"weighted sum", [=] { return kernels::weighted_sum(terms, {three}); }},
      {"weighted sum by cluster",
       [=] {
         return kernels::weighted_sum(terms, {weights, clusters});
       }},
      {"blend-add", [=] { return in_place(x, [&](auto& t) { kernels::add_weighted_sum_(t, terms, {three}); }); }},
      {"gated blend-add",
       [=] {
         return in_place(x, [&](auto& t) { kernels::gated_add_weighted_sum_(t, terms, {three}, shift, scale); });
       }},
      {"gated add", [=] { return in_place(x, [&](auto& t) { kernels::gated_add_(t, y, scale, KernelMode::kAuto); }); }},
      {"layer norm", [=] { return kernels::modulated_layer_norm(x, scale, shift, kEpsilon, KernelMode::kAuto); }},
      {"RMS norm", [=] { return kernels::rms_norm(x, weight, kEpsilon, KernelMode::kAuto); }},
      {"RMS norm and rotation",
       [=] { return kernels::rms_norm_rope(x, weight, kEpsilon, rotation, KernelMode::kAuto); }},
      {"Euler",
       [=] {
         return kernels::euler_update({x, y, 3.3}, -0.07, z, KernelMode::kAuto);
       }},
      {"UniPC",
       [=] {
         const kernels::UniPcUpdate update =
             kernels::unipc_update({x, y, 3.3}, 0.7, z, {y, x, z}, kernels::UniPcWeights{.9, .3, -.1, -.1},
                                   {.8, .35, -.15}, KernelMode::kAuto);
         return at::stack({update.history.latent, update.history.current, update.latent});
       }},
      {"L1",
       [=] {
         return kernels::l1_sums(std::vector<kernels::TensorPair>{{x, y}, {y, z}});
       }},
      {"cosine", [=] { return at::tensor(kernels::cosine_similarity(x, y), at::kDouble); }},
      {"squared error", [=] { return at::tensor(kernels::mean_squared_error(x, y), at::kDouble); }},
      {"int8", [=] { return kernels::quantise_rows(x, KernelMode::kAuto).values; }},
      {"scales of int8", [=] { return kernels::quantise_rows(x, KernelMode::kAuto).scales; }},
      {"from int8", [=] { return kernels::dequantise(product, dtype, KernelMode::kAuto); }},
  };
}

TEST(CpuTargets, ThePortableOneIsAlwaysThere) {
  ASSERT_FALSE(kernels::runnable_cpu_kernels().empty());
  EXPECT_EQ(kernels::runnable_cpu_kernels().front()->target, std::string("portable"));
  EXPECT_EQ(&kernels::cpu_kernels(), kernels::runnable_cpu_kernels().back());
}

TEST(CpuTargets, GiveEqualBits) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const std::int64_t width : {2, 10, 16, 130, 3100}) {
      for (const Operation& operation : operations(7, width, dtype)) {
        SCOPED_TRACE(operation.name + described(dtype, Layout::kPlain, width));
        const at::Tensor expected = operation.run();
        on_every_target([&] { EXPECT_TRUE(at::equal(operation.run(), expected)); });
      }
    }
  }
}

TEST(CpuTargets, GiveEqualBitsForEveryNumberOfThreads) {
  const int before = at::get_num_threads();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const Operation& operation : operations(1111, 130, dtype)) {
      SCOPED_TRACE(operation.name + described(dtype, Layout::kPlain));
      at::set_num_threads(1);
      const at::Tensor expected = operation.run();
      for (const int threads : {2, 3, 5}) {
        at::set_num_threads(threads);
        EXPECT_TRUE(at::equal(operation.run(), expected)) << threads;
      }
    }
  }
  at::set_num_threads(before);
}

/// Every 16-bit pattern, as numbers of the type.
at::Tensor every_pattern(at::ScalarType dtype) {
  return at::arange(-(1 << 15), 1 << 15, at::kInt).to(at::kShort).view(dtype).view({256, 256});
}

TEST(CpuTargets, RoundSixteenBitNumbersAsATenDoes) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    const at::Tensor x = every_pattern(dtype);
    // Products that overflow, that become or leave subnormal numbers, and that lie between two neighbours.
    for (const float factor : {1.0F, 0.999F, 1.0009765625F, 3e-3F, 700.0F, 0x1p-10F, 0x1.8p-24F, 65519.0F, 65520.0F}) {
      const at::Tensor gate = at::ones_like(x[0], at::kFloat) * factor;
      const at::Tensor expected = (x.to(at::kFloat) * gate).to(dtype), is_nan = at::isnan(expected);
      on_every_target([&] {
        const at::Tensor target = at::zeros_like(x);
        kernels::gated_add_(target, x, gate, KernelMode::kAuto);
        EXPECT_TRUE(at::equal(at::isnan(target), is_nan)) << factor;
        EXPECT_TRUE(at::equal(target.nan_to_num(0, 7, -7), expected.nan_to_num(0, 7, -7))) << factor;
      });
    }
  }
}

}  // namespace
}  // namespace ditto::test
