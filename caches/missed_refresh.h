#pragma once

#include "core/cache_policy.h"

namespace ditto {

/// Why a policy recomputes that would reuse, had another policy of the stack not left this branch or site out of the
/// step in which it was to be computed.
inline constexpr const char* kMissedRefresh = "refresh missed";

/// Whether the newest snapshot is older than the executed step `computed`.
inline bool missed(const DecisionPoint& point, int computed) {
  return !point.snapshots.empty() && point.snapshots.front().index < computed;
}

/// Whether some step since the newest snapshot, before this one, was to be computed: is_due(executed step).
template <typename IsDue>
bool missed_due(const DecisionPoint& point, IsDue&& is_due) {
  if (point.snapshots.empty()) return false;
  for (int index = point.snapshots.front().index + 1; index < point.step.index; ++index) {
    if (is_due(index)) return true;
  }
  return false;
}

}  // namespace ditto
