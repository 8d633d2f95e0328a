#pragma once

#include <map>

#include "core/cache_policy.h"

namespace ditto {

/// What a policy gathers at one site over the steps since the newest snapshot, by branch. It begins anew whenever a
/// step was computed, no matter whether the policy or the engine decided so.
template <typename T>
class SinceComputed {
 public:
  T& at(const DecisionPoint& point) {
    const int computed = point.snapshots.empty() ? -1 : point.snapshots.front().index;
    Entry& entry = entries_[point.branch];
    if (computed < 0 || entry.computed != computed) entry = {computed, T{}};
    return entry.value;
  }

 private:
  struct Entry {
    int computed = -1;
    T value = {};
  };
  std::map<Branch, Entry> entries_;
};

}  // namespace ditto
