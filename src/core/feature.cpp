#include "core/feature.h"

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

at::Tensor owned(const at::Tensor& tensor) {
  return !tensor.defined() || tensor.storage().nbytes() == tensor.nbytes() ? tensor : tensor.clone();
}

std::int64_t Feature::bytes() const {
  const auto size = [](const at::Tensor& tensor) {
    return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
  };
  return size(video) + size(text);
}

Feature Feature::row(std::int64_t index) const {
  return {video.narrow(0, index, 1), text.defined() ? text.narrow(0, index, 1) : at::Tensor()};
}

Feature Feature::clone() const { return {video.clone(), text.defined() ? text.clone() : at::Tensor()}; }

Feature Feature::owned() const { return {ditto::owned(video), ditto::owned(text)}; }

}  // namespace ditto
