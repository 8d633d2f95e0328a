#include "models/wan/run_context.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

namespace ditto {
namespace {

bool follow_one_another(const std::vector<int>& branches) {
  for (std::size_t i = 1; i < branches.size(); ++i) {
    if (branches[i] != branches[i - 1] + 1) return false;
  }
  return true;
}

}  // namespace

WanTextContext WanTextContext::rows(const std::vector<int>& branches) const {
  const auto count = static_cast<std::int64_t>(branches.size());
  if (follow_one_another(branches)) {
    if (count == keys.size(0)) return *this;
    return {keys.narrow(0, branches.front(), count), values.narrow(0, branches.front(), count)};
  }
  const at::Tensor index = at::tensor(branches, at::TensorOptions(at::kInt).device(keys.device()));
  return {at::index_select(keys, 0, index), at::index_select(values, 0, index)};
}

}  // namespace ditto
