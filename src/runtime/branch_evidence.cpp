#include "runtime/branch_evidence.h"

namespace ditto {

at::Tensor BranchEvidence::signal(Signal signal) const {
  const auto it = signals_.find(signal);
  return it == signals_.end() ? at::Tensor() : it->second;
}

bool BranchEvidence::remember(const std::string& name, const at::Tensor& tensor) {
  // The state is a view that the engine goes on to update.
  const bool is_state = tensor.defined() && hidden_.defined() && tensor.is_alias_of(hidden_);
  return store_.remember(site_, branch_, name, tensor, is_state);
}

}  // namespace ditto
