#include "core/feature_store.h"

#include <algorithm>
#include <utility>

namespace ditto {

namespace {

std::size_t slot_index(int site, Branch branch) {
  return 2 * static_cast<std::size_t>(site) + (branch == Branch::kConditional ? 0 : 1);
}

}  // namespace

const FeatureStore::Slot* FeatureStore::find(int site, Branch branch) const {
  const std::size_t index = slot_index(site, branch);
  return index < slots_.size() ? &slots_[index] : nullptr;
}

FeatureStore::Slot& FeatureStore::slot(int site, Branch branch) {
  const std::size_t index = slot_index(site, branch);
  if (index >= slots_.size()) slots_.resize(index + 1);
  return slots_[index];
}

std::span<const Snapshot> FeatureStore::snapshots(int site, Branch branch) const {
  const Slot* found = find(site, branch);
  if (found == nullptr) return {};
  return found->newest_first;
}

bool FeatureStore::admit(std::int64_t bytes) {
  if (bytes > max_bytes_ - bytes_) {
    ++refusals_;
    return false;
  }
  bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, bytes_);
  return true;
}

bool FeatureStore::push(int site, Branch branch, Snapshot snapshot, int keep) {
  Slot& slot = this->slot(site, branch);
  Feature dropped;
  while (static_cast<int>(slot.newest_first.size()) >= keep) {
    dropped = std::move(slot.newest_first.back().feature);
    bytes_ -= dropped.bytes();
    slot.newest_first.pop_back();
  }
  slot.refused = !admit(snapshot.feature.bytes());
  if (slot.refused) {
    for (const Snapshot& stale : slot.newest_first) bytes_ -= stale.feature.bytes();
    slot.newest_first.clear();
    return false;
  }
  snapshot.feature = snapshot.feature.owned(std::move(dropped));
  slot.newest_first.insert(slot.newest_first.begin(), std::move(snapshot));
  return true;
}

at::Tensor FeatureStore::recall(int site, Branch branch, const std::string& name) const {
  const auto it = remembered_.find({site, branch, name});
  return it == remembered_.end() ? at::Tensor() : it->second;
}

bool FeatureStore::remember(int site, Branch branch, const std::string& name, const at::Tensor& tensor, bool changes) {
  at::Tensor& held = remembered_[{site, branch, name}];
  at::Tensor dropped = std::exchange(held, {});
  if (dropped.defined()) bytes_ -= static_cast<std::int64_t>(dropped.nbytes());
  if (!tensor.defined()) return true;
  if (!admit(static_cast<std::int64_t>(tensor.nbytes()))) return false;
  held = changes ? copied(tensor, std::move(dropped)) : owned(tensor, std::move(dropped));
  return true;
}

bool FeatureStore::over_budget(int site, Branch branch) const {
  const Slot* found = find(site, branch);
  return found != nullptr && found->refused;
}

}  // namespace ditto
