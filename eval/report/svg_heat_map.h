#pragma once

#include <string>
#include <vector>

#include "core/trace.h"

namespace ditto {

/// The decisions of one branch: a row for every site of the run in its order, a column for every step of the full grid,
/// colours as in kHeatMapLegend. Neighbouring equal decisions are one shape, whose words name site, steps and decision.
std::string draw_heat_map(const Trace& trace, Branch branch, const std::string& title);

}  // namespace ditto
