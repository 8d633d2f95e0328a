#include "core/feature.h"

#include <cstring>
#include <utility>

#include <ATen/ops/as_strided_native.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/DimVector.h>

#include "core/error.h"

namespace ditto {

std::string_view branch_name(Branch branch) { return branch == Branch::kConditional ? "conditional" : "unconditional"; }

Branch branch_from_name(std::string_view name) {
  for (const Branch branch : {Branch::kConditional, Branch::kUnconditional}) {
    if (branch_name(branch) == name) return branch;
  }
  throw Error(ExitCode::kBadInputFile,
              "branch: unknown branch '" + std::string(name) + "'; accepted: conditional, unconditional");
}

namespace {

bool is_plain(const at::Tensor& tensor) { return tensor.is_cpu() && tensor.is_contiguous(); }

/// Whether `spare` may be overwritten with `tensor`: nobody else sees it, and nothing about it changes but its values.
bool can_take(const at::Tensor& spare, const at::Tensor& tensor) {
  return spare.defined() && spare.use_count() == 1 && spare.storage().use_count() == 1 && is_plain(spare) &&
         is_plain(tensor) && spare.scalar_type() == tensor.scalar_type() && spare.sizes() == tensor.sizes();
}

/// tensor.narrow(0, index, 1), in inference past the dispatcher, which costs as much as the rest of one decision.
at::Tensor view_of_row(const at::Tensor& tensor, std::int64_t index) {
  if (!c10::InferenceMode::is_enabled()) return tensor.narrow(0, index, 1);
  c10::DimVector sizes(tensor.sizes());
  sizes[0] = 1;
  return at::native::as_strided_tensorimpl(tensor, sizes, tensor.strides(),
                                           tensor.storage_offset() + index * tensor.stride(0));
}

}  // namespace

at::Tensor copied(const at::Tensor& tensor, at::Tensor spare) {
  if (!can_take(spare, tensor)) return tensor.clone();
  std::memcpy(spare.mutable_data_ptr(), tensor.const_data_ptr(), tensor.nbytes());
  return spare;
}

at::Tensor owned(const at::Tensor& tensor, at::Tensor spare) {
  const bool owns = !tensor.defined() || tensor.storage().nbytes() == tensor.nbytes();
  return owns ? tensor : copied(tensor, std::move(spare));
}

std::int64_t Feature::bytes() const {
  const auto size = [](const at::Tensor& tensor) {
    return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
  };
  return size(video) + size(text);
}

Feature Feature::row(std::int64_t index) const {
  return {view_of_row(video, index), text.defined() ? view_of_row(text, index) : at::Tensor()};
}

Feature Feature::clone() const { return {video.clone(), text.defined() ? text.clone() : at::Tensor()}; }

Feature Feature::owned(Feature spare) const {
  return {ditto::owned(video, std::move(spare.video)), ditto::owned(text, std::move(spare.text))};
}

}  // namespace ditto
