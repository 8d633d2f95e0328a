#pragma once

#include <string>
#include <vector>

#include "core/site.h"

namespace ditto {

/// Names of the levels at which a feature can be cached, as the option `site` spells them.
inline const std::vector<std::string> kSiteLevels = {"stack", "block", "unit", "prediction"};

/// Sites of a level: "stack", the change made by all units; "block", the change made by each block; "unit", the output
/// of each unit before its gate; "prediction", the prediction itself.
std::vector<Site> sites_of_level(const std::string& level, const Topology& topology, int keep);

}  // namespace ditto
