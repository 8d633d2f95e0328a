#include "runtime/branch_evidence.h"

namespace ditto {

at::Tensor BranchEvidence::signal(Signal signal) const {
  const auto it = signals_.find(signal);
  return it == signals_.end() ? at::Tensor() : it->second;
}

bool BranchEvidence::remember(const std::string& name, const at::Tensor& tensor) {
  // A view would change under the policy's feet, or keep a larger buffer alive than is accounted for.
  const bool owns_its_bytes = tensor.storage().nbytes() == tensor.nbytes() && !tensor.is_alias_of(hidden_);
  return store_.remember(site_, branch_, name, owns_its_bytes ? tensor : tensor.clone());
}

}  // namespace ditto
