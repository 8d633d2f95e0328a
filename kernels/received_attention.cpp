#include "kernels/received_attention.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

namespace ditto::kernels {
namespace {

constexpr std::int64_t kChunk = 128;

}  // namespace

at::Tensor received_attention(const at::Tensor& query, const at::Tensor& key, std::int64_t query_stride) {
  TORCH_CHECK(query.dim() == 4 && key.dim() == 4 && query_stride > 0, "received_attention: sizes ", query.sizes(), ", ",
              key.sizes(), ", stride ", query_stride);
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  const at::Tensor asking = query.slice(1, 0, query.size(1), query_stride).transpose(1, 2).to(at::kFloat) * scale;
  const at::Tensor keys = key.permute({0, 2, 3, 1}).to(at::kFloat);
  at::Tensor sum = at::zeros({key.size(0), key.size(1)}, keys.options());
  for (std::int64_t first = 0; first < asking.size(2); first += kChunk) {
    const std::int64_t count = std::min(kChunk, asking.size(2) - first);
    sum += at::softmax(at::matmul(asking.narrow(2, first, count), keys), 3).sum({1, 2});
  }
  return sum / static_cast<double>(asking.size(1) * asking.size(2));
}

}  // namespace ditto::kernels
