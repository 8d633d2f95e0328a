#pragma once

#include <vector>

#include "core/site.h"

namespace ditto {

/// Sites over units as a forest in order of execution: children lie inside their parent.
struct SiteNode {
  int site = 0;  ///< index into the plan
  std::vector<SiteNode> children;
};

/// The unit sites of a plan (indices) in the order in which the engine asks at them: by first unit, each site before
/// those inside it. Of two sites over the same units the one that comes first in the plan is outer; the output of a
/// unit is inside every other site over that unit, because it leaves out the gate.
std::vector<int> asking_order(const Plan& plan);

/// Nests the unit sites of a valid plan, in that order.
std::vector<SiteNode> nest_sites(const Plan& plan);

}  // namespace ditto
