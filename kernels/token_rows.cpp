#include "kernels/token_rows.h"

#include <ATen/ops/index_copy.h>
#include <ATen/ops/index_select.h>
#include <c10/util/Exception.h>

namespace ditto::kernels {

at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& index) {
  TORCH_CHECK(x.dim() == 3 && index.dim() == 1, "gather_rows: x ", x.sizes(), ", index ", index.sizes());
  return x.index_select(1, index);
}

void scatter_rows_(const at::Tensor& target, const at::Tensor& x, const at::Tensor& index) {
  TORCH_CHECK(target.dim() == 3 && x.dim() == 3 && index.dim() == 1 && x.size(1) == index.numel(),
              "scatter_rows: target ", target.sizes(), ", x ", x.sizes(), ", index ", index.sizes());
  target.index_copy_(1, index, x);
}

}  // namespace ditto::kernels
