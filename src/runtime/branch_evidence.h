#pragma once

#include <map>
#include <vector>

#include "core/cache_policy.h"
#include "core/feature_store.h"
#include "core/model.h"

namespace ditto {

/// What one branch of one step shows to a policy: filled by the engine while it walks the units.
class BranchEvidence : public Evidence {
 public:
  BranchEvidence(FeatureStore& store, Branch branch, std::size_t probe_count) : store_(store), branch_(branch) {
    probes_.resize(probe_count);
  }

  /// Which site the policy is asked about; `hidden` is the state of the whole batch, of which `row` is this branch's,
  /// undefined at the prediction site.
  void enter(int site, at::Tensor hidden, std::int64_t row) {
    site_ = site;
    hidden_ = std::move(hidden);
    row_ = row;
  }
  void set_probe(std::size_t index, at::Tensor state) { probes_[index] = std::move(state); }
  void set_signal(Signal signal, at::Tensor value) { signals_[signal] = std::move(value); }

  at::Tensor hidden() const override { return hidden_.defined() ? hidden_.narrow(0, row_, 1) : hidden_; }
  at::Tensor probe(int index) const override { return probes_.at(static_cast<std::size_t>(index)); }
  at::Tensor signal(Signal signal) const override;
  at::Tensor recall(const std::string& name) const override { return store_.recall(site_, branch_, name); }
  bool remember(const std::string& name, const at::Tensor& tensor) override;

 private:
  FeatureStore& store_;
  Branch branch_;
  int site_ = 0;
  at::Tensor hidden_;  ///< of the whole batch: most policies never look, so the row is taken when they do
  std::int64_t row_ = 0;
  std::vector<at::Tensor> probes_;
  std::map<Signal, at::Tensor> signals_;
};

}  // namespace ditto
