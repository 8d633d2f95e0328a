// The operations and the GPU's kernels they start.

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/randint.h>

#include "counted_kernel.h"
#include "cuda_host/cuda_support.h"
#include "kernels/blend.h"
#include "kernels/change_metrics.h"
#include "kernels/gated_add.h"
#include "kernels/host/gpu.h"
#include "kernels/int8_rows.h"
#include "kernels/modulated_layer_norm.h"
#include "kernels/rms_norm_rope.h"
#include "kernels/solver_update.h"

namespace ditto::test {
namespace {

using kernels::CudaKernels;
using kernels::ScopedGpuOnHost;

constexpr double kEpsilon = 1e-6;

/// Every test of this binary runs with the GPU's kernels on the host.
class OnHost : public testing::Environment {
  ScopedGpuOnHost scoped_{cuda_on_host()};
};
testing::Environment* const environment = testing::AddGlobalTestEnvironment(new OnHost);

template <auto kMember>
std::atomic<int> counter = 0;
template <auto kMember>
using Counted = CountedKernel<kMember, &cuda_on_host, counter<kMember>>;
constexpr CudaKernels kCounted = {.blend = Counted<&CudaKernels::blend>::call,
                                  .layer_norm = Counted<&CudaKernels::layer_norm>::call,
                                  .rms_norm = Counted<&CudaKernels::rms_norm>::call,
                                  .euler_update = Counted<&CudaKernels::euler_update>::call,
                                  .unipc_update = Counted<&CudaKernels::unipc_update>::call,
                                  .quantise = Counted<&CudaKernels::quantise>::call,
                                  .dequantise = Counted<&CudaKernels::dequantise>::call,
                                  .l1_sums = Counted<&CudaKernels::l1_sums>::call,
                                  .product_sums = Counted<&CudaKernels::product_sums>::call,
                                  .squared_sums = Counted<&CudaKernels::squared_sums>::call};

/// How often the kernel was started since the last call.
template <auto kMember>
int starts() {
  return counter<kMember>.exchange(0);
}

/// Every operation once.
void run_all(KernelMode mode) {
  const at::Tensor x = normal({1, 3, 8}, 1, at::kBFloat16), y = normal({1, 3, 8}, 2, at::kBFloat16);
  const at::Tensor target = x.clone(), gate = normal({8}, 3), weight = normal({8}, 4, at::kBFloat16);
  const std::vector<at::Tensor> terms = {x, y};
  const std::vector<float> values = {0.5F, -2, 1, 3};
  const kernels::BlendWeights plain{{values.data(), 2}}, clustered{values, at::arange(8, at::kInt) % 2};
  kernels::weighted_sum(terms, plain, mode);
  kernels::add_weighted_sum_(target, terms, clustered, mode);
  kernels::gated_add_weighted_sum_(target, terms, plain, /*bias=*/{}, gate, mode);
  kernels::assign_weighted_sum_(target, terms, plain, mode);
  kernels::gated_add_(target, x, gate, mode);
  kernels::modulated_layer_norm(x, gate, gate, kEpsilon, mode);
  kernels::rms_norm(x, weight, kEpsilon, mode);
  const at::Tensor angles = normal({3, 1, 2}, 5);
  kernels::rms_norm_rope(x, weight, kEpsilon, at::polar(at::ones_like(angles), angles), mode);
  const kernels::Velocity velocity(x, y, 3);
  const at::Tensor latent = normal({1, 3, 8}, 7);
  kernels::euler_update(velocity, -.5, latent, mode);
  kernels::unipc_update(velocity, .5, latent, {}, std::nullopt, {.latent = .5, .current = .5}, mode);
  kernels::quantise_rows(x, mode);
  kernels::dequantise({at::randint(-99, 99, {3, 8}, at::kInt), normal({3}, 6), gate}, at::kHalf, mode);
  const kernels::TensorPair pair{x, y};
  kernels::l1_sums({&pair, 1}, mode);
  kernels::l1_change(x, y, mode);
  kernels::cosine_similarity(x, y, mode);
  kernels::mean_squared_error(x, y, mode);
}

TEST(CudaDispatch, OperationsStartTheirKernels) {
  const ScopedGpuOnHost scoped(kCounted);
  for (const int one : {0, 1}) {
    run_all(one == 0 ? KernelMode::kReference : KernelMode::kAuto);
    EXPECT_EQ(starts<&CudaKernels::blend>(), 5 * one);
    EXPECT_EQ(starts<&CudaKernels::layer_norm>(), one);
    EXPECT_EQ(starts<&CudaKernels::rms_norm>(), 2 * one);
    EXPECT_EQ(starts<&CudaKernels::euler_update>(), one);
    EXPECT_EQ(starts<&CudaKernels::unipc_update>(), one);
    EXPECT_EQ(starts<&CudaKernels::quantise>(), one);
    EXPECT_EQ(starts<&CudaKernels::dequantise>(), one);
    EXPECT_EQ(starts<&CudaKernels::l1_sums>(), 2 * one);
    EXPECT_EQ(starts<&CudaKernels::product_sums>(), one);
    EXPECT_EQ(starts<&CudaKernels::squared_sums>(), one);
  }
}

TEST(CudaDispatch, PairsOfOneTypeShareAStart) {
  std::vector<kernels::TensorPair> pairs;
  for (std::uint64_t i = 0; i < kernels::PairSumsArguments::kMaxPairs + 3; ++i) {
    const at::ScalarType dtype = i == 2 ? at::kHalf : at::kFloat;
    pairs.push_back({normal({9}, 2 * i, dtype), normal({9}, 2 * i + 1, dtype)});
  }
  const ScopedGpuOnHost scoped(kCounted);
  const at::Tensor sums = kernels::l1_sums(pairs);
  EXPECT_EQ(starts<&CudaKernels::l1_sums>(), 3);  // two pairs, the one of fp16, as many as one start takes
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const kernels::L1Change alone = kernels::l1_change(pairs[i].now, pairs[i].before);
    EXPECT_EQ(sums[static_cast<std::int64_t>(i)][0].item<double>(), alone.difference);
    EXPECT_EQ(sums[static_cast<std::int64_t>(i)][1].item<double>(), alone.before);
  }
  starts<&CudaKernels::l1_sums>();
}

TEST(CudaDispatch, AKernelThatCannotStartIsNamed) {
  CudaKernels broken = cuda_on_host();
  broken.layer_norm = [](const kernels::LayerNormArguments&, std::int64_t, CUstream_st*) { return 701; };
  const ScopedGpuOnHost scoped(broken);
  const at::Tensor x = normal({1, 3, 8}, 1), scale = normal({8}, 2);
  try {
    kernels::modulated_layer_norm(x, scale, scale, kEpsilon, KernelMode::kAuto);
    ADD_FAILURE();
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    EXPECT_NE(message.find("layer norm"), std::string::npos) << message;
    EXPECT_NE(message.find("cpu"), std::string::npos) << message;
  }
}

TEST(CudaDispatch, RefusesParametersOfAnotherDevice) {
  const at::Tensor x = normal({1, 3, 8}, 1), here = normal({8}, 2), sums = at::randint(-9, 9, {3, 8}, at::kInt);
  const at::Tensor elsewhere = at::empty({8}, at::TensorOptions(at::kMeta).dtype(at::kFloat));
  EXPECT_THROW(kernels::gated_add_(x, x, elsewhere, KernelMode::kAuto), c10::Error);
  EXPECT_THROW(kernels::modulated_layer_norm(x, here, elsewhere, kEpsilon, KernelMode::kAuto), c10::Error);
  EXPECT_THROW(kernels::rms_norm(x, elsewhere, kEpsilon, KernelMode::kAuto), c10::Error);
  EXPECT_THROW(kernels::dequantise({sums, normal({3}, 3), elsewhere}, at::kHalf, KernelMode::kAuto), c10::Error);
}

}  // namespace
}  // namespace ditto::test
