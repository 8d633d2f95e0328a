#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/cache_policy.h"
#include "core/site.h"

namespace ditto {

/// What a policy would decide at one site and branch, one letter per executed step: C computed, R reused, F forecast,
/// '-' not asked (inside a reused site), '?' decided from features, so unknown without a run.
struct RehearsedSite {
  int site = 0;
  Branch branch = Branch::kConditional;
  std::string pattern;
};

/// Asks a policy, whose plan was made, every question of a run without a model. Once it has looked at a feature nothing
/// is known any more: every answer from then on is '?'.
std::vector<RehearsedSite> rehearse(CachePolicy& policy, const Plan& plan, std::span<const StepInfo> schedule,
                                    std::span<const Branch> branches);

/// Units computed by a rehearsed run: at least (every '?' a reuse), at most (every '?' a computation).
struct UnitBounds {
  std::int64_t least = 0;
  std::int64_t most = 0;
};
UnitBounds count_units(std::span<const RehearsedSite> rehearsed, const Plan& plan, int unit_count, int step_count,
                       std::span<const Branch> branches);

}  // namespace ditto
