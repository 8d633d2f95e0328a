#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "core/feature.h"

namespace ditto {

/// Owns every cached byte of one run: snapshots per site and branch, and the tensors policies remember. Whatever would
/// exceed the budget is refused and its slot emptied, so that a stale feature can never pass for a fresh one.
class FeatureStore {
 public:
  explicit FeatureStore(std::int64_t max_bytes = std::numeric_limits<std::int64_t>::max()) : max_bytes_(max_bytes) {}

  /// Snapshots of a site and branch, newest first.
  std::span<const Snapshot> snapshots(int site, Branch branch) const;

  /// Adds the newest snapshot, as bytes of its own, and drops those beyond `keep`. False when the budget is exhausted:
  /// the slot is then empty.
  bool push(int site, Branch branch, Snapshot snapshot, int keep);

  /// A tensor remembered under this name, or an undefined one.
  at::Tensor recall(int site, Branch branch, const std::string& name) const;

  /// Replaces a remembered tensor; an undefined one forgets it. One that `changes` later is copied. False when the
  /// budget is exhausted: nothing is then held under the name.
  bool remember(int site, Branch branch, const std::string& name, const at::Tensor& tensor, bool changes = false);

  /// True when the last push to this slot was refused.
  bool over_budget(int site, Branch branch) const;

  /// How often a snapshot or remembered tensor was refused for the budget.
  std::int64_t refusals() const { return refusals_; }

  std::int64_t bytes() const { return bytes_; }
  std::int64_t peak_bytes() const { return peak_bytes_; }

 private:
  struct Slot {
    std::vector<Snapshot> newest_first;
    bool refused = false;
  };
  const Slot* find(int site, Branch branch) const;
  Slot& slot(int site, Branch branch);
  bool admit(std::int64_t bytes);

  std::int64_t max_bytes_;
  std::int64_t bytes_ = 0;
  std::int64_t peak_bytes_ = 0;
  std::int64_t refusals_ = 0;
  std::vector<Slot> slots_;  ///< by site and branch
  std::map<std::tuple<int, Branch, std::string>, at::Tensor> remembered_;
};

}  // namespace ditto
