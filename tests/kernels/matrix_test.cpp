// Linear layers and attention against their unfused meaning.

#include <limits>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>

#include "cpu_targets.h"
#include "kernel_support.h"
#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/reference/reference.h"

namespace ditto::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr KernelMode kModes[] = {KernelMode::kAuto, KernelMode::kReference};
constexpr kernels::Activation kActivations[] = {kernels::Activation::kNone, kernels::Activation::kGeluTanh};

struct LinearSizes {
  std::int64_t tokens, in, out;
};
constexpr LinearSizes kLinearSizes[] = {{1, 1, 1}, {1, 5, 7}, {3, 33, 17}, {65, 24, 96}, {130, 192, 64}, {16, 257, 3}};

TEST(Linear, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const auto& [tokens, in, out] : kLinearSizes) {
        SCOPED_TRACE(described(dtype, layout, tokens, in, out));
        const Guarded x(normal({2, tokens, in}, 1, dtype), layout), weight(normal({out, in}, 2, dtype), layout);
        const Guarded bias(normal({out}, 3, dtype), layout);
        for (const at::Tensor& added : {bias.view(), at::Tensor()}) {
          for (const kernels::Activation activation : kActivations) {
            const bool gelu = activation == kernels::Activation::kGeluTanh;
            const kernels::Linear layer{weight.view(), added};
            const at::Tensor meaning = kernels::reference::linear(x.view(), layer.weight, layer.bias, gelu);
            expect_near(layer.forward(x.view(), KernelMode::kAuto, activation), meaning);
            EXPECT_TRUE(at::equal(layer.forward(x.view(), KernelMode::kReference, activation), meaning));
          }
        }
        EXPECT_TRUE(x.untouched() && weight.untouched() && bias.untouched());
      }
    }
  }
}

TEST(Linear, NanStaysInItsToken) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const KernelMode mode : kModes) {
      for (const kernels::Activation activation : kActivations) {
        const at::Tensor x = normal({1, 5, 33}, 1, dtype);
        x[0][2][32] = kNan;
        const kernels::Linear layer{normal({17, 33}, 2, dtype), normal({17}, 3, dtype)};
        const at::Tensor nan = at::isnan(layer.forward(x, mode, activation));
        EXPECT_TRUE(nan[0][2].all().item<bool>());
        EXPECT_EQ(nan.sum().item<std::int64_t>(), 17);
      }
    }
  }
}

TEST(Linear, EqualCallsGiveEqualBits) {
  for (const at::ScalarType dtype : kDtypes) {
    const at::Tensor x = normal({1, 65, 96}, 1, dtype);
    const kernels::Linear layer{normal({64, 96}, 2, dtype), normal({64}, 3, dtype)};
    EXPECT_TRUE(at::equal(layer.forward(x, KernelMode::kAuto), layer.forward(x.clone(), KernelMode::kAuto)));
    EXPECT_EQ(kernels::linear_backend(dtype), kernels::linear_backend(dtype));
  }
}

struct AttentionSizes {
  std::int64_t tokens, keys, heads, width;
};
/// On both sides of every threshold of the dispatch and of the compiled form: few and many keys, one and several chunks
/// of queries and blocks of keys, narrow and wide heads.
constexpr AttentionSizes kAttentionSizes[] = {{1, 1, 1, 2},      {3, 7, 2, 12},      {65, 24, 4, 32},
                                              {33, 33, 3, 20},   {80, 80, 2, 32},    {130, 65, 1, 64},
                                              {700, 513, 2, 32}, {530, 200, 1, 128}, {9, 70, 1, 260}};

at::Tensor run(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, KernelMode mode) {
  return kernels::attention(query, key, value, mode);
}

TEST(Attention, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const auto& [tokens, keys, heads, width] : kAttentionSizes) {
        SCOPED_TRACE(described(dtype, layout, tokens, keys, heads, width));
        const Guarded query(normal({2, tokens, heads, width}, 1, dtype), layout);
        const Guarded key(normal({2, keys, heads, width}, 2, dtype), layout);
        const Guarded value(normal({2, keys, heads, width}, 3, dtype), layout);
        const at::Tensor meaning = kernels::reference::attention(query.view(), key.view(), value.view());
        on_every_target([&] {
          const at::Tensor fast = run(query.view(), key.view(), value.view(), KernelMode::kAuto);
          expect_near(fast, meaning, dtype == at::kBFloat16 ? tolerance::kRoundedScoresUlps : tolerance::kHalfUlps);
          EXPECT_TRUE(fast.is_contiguous());
        });
        EXPECT_TRUE(at::equal(run(query.view(), key.view(), value.view(), KernelMode::kReference), meaning));
        EXPECT_TRUE(query.untouched() && key.untouched() && value.untouched());
      }
    }
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t keys : {24, 96}) {
      const at::Tensor query = normal({1, 5, 2, 32}, 1, dtype) * 100, key = normal({1, keys, 2, 32}, 2, dtype) * 100;
      const at::Tensor value = normal({1, keys, 2, 32}, 3, dtype);
      const at::Tensor fast = run(query, key, value, KernelMode::kAuto);
      EXPECT_TRUE(at::isfinite(fast).all().item<bool>());
      if (dtype == at::kFloat) expect_near(fast, kernels::reference::attention(query, key, value));
    }
  }
}

/// NaN in the query, the last key or the last value: which results are NaN.
void check_nan(at::ScalarType dtype, std::int64_t keys, KernelMode mode) {
  const at::Tensor query = normal({2, 5, 3, 8}, 1, dtype), key = normal({2, keys, 3, 8}, 2, dtype);
  const at::Tensor value = normal({2, keys, 3, 8}, 3, dtype);
  const auto nan_of = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return at::isnan(run(q, k, v, mode)).view({2, 5, 3, 8});
  };
  const at::Tensor bad_query = query.clone(), bad_key = key.clone(), bad_value = value.clone();
  bad_query[1][2][0][3] = kNan;
  const at::Tensor of_query = nan_of(bad_query, key, value);
  EXPECT_TRUE(of_query[1][2][0].all().item<bool>());
  EXPECT_EQ(of_query.sum().item<std::int64_t>(), 8);  // one token of one head
  for (const std::int64_t bad : {std::int64_t{0}, keys - 1}) {
    bad_key.copy_(key);
    bad_key[1][bad][0][3] = kNan;
    const at::Tensor of_key = nan_of(query, bad_key, value);
    EXPECT_TRUE(of_key[1].select(1, 0).all().item<bool>());
    EXPECT_EQ(of_key.sum().item<std::int64_t>(), 5 * 8);  // every token of one head
  }
  bad_value[1][keys - 1][0][3] = kNan;
  const at::Tensor of_value = nan_of(query, key, bad_value);
  EXPECT_TRUE(of_value[1].select(1, 0).select(-1, 3).all().item<bool>());
  EXPECT_EQ(of_value.sum().item<std::int64_t>(), 5);  // one channel of one head
}

TEST(Attention, NanReachesExactlyWhatDependsOnIt) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const std::int64_t keys : {24, 40, 96, 600}) {  // every form of the dispatch, one and several blocks
      for (const KernelMode mode : kModes) {
        SCOPED_TRACE(described(dtype, Layout::kPlain, keys, static_cast<int>(mode)));
        on_every_target([&] { check_nan(dtype, keys, mode); });
      }
    }
  }
}

TEST(Attention, CompiledGivesEqualBitsForEveryNumberOfThreads) {
  const int before = at::get_num_threads();
  on_every_target([&] {
    if (kernels::cpu_kernels().attention == nullptr) return;  // then LibTorch's form is used, which promises nothing
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor query = normal({2, 301, 3, 32}, 1, dtype), key = normal({2, 77, 3, 32}, 2, dtype);
      at::set_num_threads(1);
      const at::Tensor expected = run(query, key, key, KernelMode::kAuto);
      for (const int threads : {2, 3, 5}) {
        at::set_num_threads(threads);
        EXPECT_TRUE(at::equal(run(query, key, key, KernelMode::kAuto), expected)) << threads;
      }
    }
  });
  at::set_num_threads(before);
}

TEST(Attention, RefusesSizesThatDoNotFit) {
  const at::Tensor query = normal({1, 5, 2, 8}, 1), key = normal({1, 7, 2, 8}, 2);
  EXPECT_THROW(run(query, key, normal({1, 6, 2, 8}, 3), KernelMode::kAuto), c10::Error);
  EXPECT_THROW(run(query, normal({1, 7, 2, 4}, 2), normal({1, 7, 2, 4}, 3), KernelMode::kAuto), c10::Error);
}

TEST(Attention, OfAGpuIsRefusedWithoutAFusedForm) {
  const at::Tensor query = normal({1, 5, 2, 8}, 1, at::kHalf), key = normal({1, 7, 2, 8}, 2, at::kHalf);
  using at::SDPBackend;
  for (const SDPBackend fused :
       {SDPBackend::flash_attention, SDPBackend::cudnn_attention, SDPBackend::efficient_attention}) {
    EXPECT_NO_THROW(kernels::require_fused_attention(fused, query, key));
  }
  for (const SDPBackend unfused : {SDPBackend::math, SDPBackend::error, SDPBackend::overrideable}) {
    try {
      kernels::require_fused_attention(unfused, query, key);
      ADD_FAILURE() << static_cast<int>(unfused);
    } catch (const c10::Error& error) {
      const std::string message = error.what_without_backtrace();
      for (const char* const part : {"[1, 5, 2, 8]", "[1, 7, 2, 8]", "Half"}) {
        EXPECT_NE(message.find(part), std::string::npos) << message;
      }
    }
  }
}

}  // namespace
}  // namespace ditto::test
