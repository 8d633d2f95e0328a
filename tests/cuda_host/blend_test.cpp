// The GPU's gated add and blends against their unfused meaning.

#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include "cuda_host/cuda_support.h"
#include "kernels/reference/reference.h"

namespace ditto::test {
namespace {

constexpr std::int64_t kClusters = 3;

/// A blend with everything or with only what it needs, in a layout.
struct Blend {
  std::vector<Guarded> guarded;
  std::vector<at::Tensor> terms;
  std::vector<float> values;
  kernels::BlendWeights weights;
  at::Tensor start, cluster, column_weights, bias, gate;

  Blend(int count, at::IntArrayRef sizes, at::ScalarType dtype, Layout layout, bool clustered, bool gated)
      : start(normal(sizes, 90, dtype)) {
    const std::int64_t columns = sizes.back();
    for (int k = 0; k < count; ++k) {
      guarded.emplace_back(normal(sizes, static_cast<std::uint64_t>(k), dtype), layout);
      terms.push_back(guarded.back().view());
    }
    const at::Tensor table = normal({clustered ? kClusters : 1, count}, 92);
    values.assign(table.const_data_ptr<float>(), table.const_data_ptr<float>() + table.numel());
    weights.values = values;
    if (clustered) {
      cluster = at::arange(columns, at::kLong) % kClusters;
      weights.cluster_of_channel = cluster;
      column_weights = table.index_select(0, cluster).t().contiguous();
    }
    if (gated) {
      bias = normal({columns}, 93);
      gate = normal({columns}, 94);
    }
  }

  at::Tensor meaning() const {
    at::Tensor target = start.clone();
    if (gate.defined()) {
      kernels::reference::gated_add_weighted_sum_(target, terms, weights, bias, gate);
      return target;
    }
    return target.copy_(kernels::reference::wide_weighted_sum(terms, weights));
  }

  void run(const at::Tensor& target) const {
    kernels::BlendArguments arguments{};
    arguments.type = type_of(target);
    arguments.count = static_cast<int>(terms.size());
    for (std::size_t k = 0; k < terms.size(); ++k) {
      arguments.terms[k] = matrix(terms[k]);
      arguments.weights[k] = values[k];
    }
    if (column_weights.defined()) arguments.column_weights = column_weights.const_data_ptr<float>();
    const kernels::MatrixView out = matrix(target);
    arguments.out = out;
    arguments.columns = out.columns;
    if (gate.defined()) {
      arguments.bias = bias.const_data_ptr<float>();
      arguments.gate = gate.const_data_ptr<float>();
      arguments.residual = out;
    }
    EXPECT_EQ(cuda_on_host().blend(arguments, out.rows, nullptr), 0);
  }
};

TEST(CudaBlend, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t columns : {1, 7, 8, 33, 96, 2056}) {
        for (int count = 1; count <= kernels::kMaxTerms; count += columns == 96 ? 1 : 2) {
          for (const bool clustered : {false, true}) {
            SCOPED_TRACE(described(dtype, layout, columns, count, clustered));
            const Blend blend(count, {1, 3, columns}, dtype, layout, clustered, /*gated=*/count % 3 != 0);
            const at::Tensor result = same_in_every_order([&] {
              const Guarded target(blend.start, layout);
              blend.run(target.view());
              EXPECT_TRUE(target.guards_intact());
              return target.view().clone();
            });
            expect_near(result, blend.meaning());
            for (const Guarded& term : blend.guarded) EXPECT_TRUE(term.untouched());
          }
        }
      }
    }
  }
}

TEST(CudaBlend, NanStaysInItsElement) {
  for (const at::ScalarType dtype : kDtypes) {
    const Blend blend(2, {1, 4, 40}, dtype, Layout::kPlain, false, true);
    blend.terms[1][0][2][9] = std::numeric_limits<double>::quiet_NaN();
    const at::Tensor target = blend.start.clone();
    blend.run(target);
    EXPECT_TRUE(at::isnan(target[0][2][9]).item<bool>());
    EXPECT_EQ(at::isnan(target).sum().item<std::int64_t>(), 1);
  }
}

TEST(CudaBlend, NothingIsNoWork) {
  const Blend blend(1, {1, 0, 8}, at::kFloat, Layout::kPlain, false, true);
  blend.run(blend.start.clone());
}

}  // namespace
}  // namespace ditto::test
