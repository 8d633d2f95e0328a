#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "eval/report/run_figures.h"
#include "eval/summary.h"

namespace ditto {

/// Speed-quality curves of one metric: the mean over clips over the measured speed-up, error bars of one standard
/// error.
struct SpeedQuality {
  std::string metric;
  Figure overview;             ///< all rows: rivals bold, rows with a best setting in colour, the others grey
  std::vector<Figure> panels;  ///< one for each row that is no rival, the rivals beside it; all on the same axes
};

/// The curves of every metric that the settings have scores of. `rivals` names the rows that spend fewer solver steps
/// rather than cache.
std::vector<SpeedQuality> speed_quality(std::span<const SettingSummary> settings, const std::set<std::string>& rivals);

/// A name as a part of a file name: lower-case letters, digits and hyphens.
std::string file_name_part(const std::string& name);

}  // namespace ditto
