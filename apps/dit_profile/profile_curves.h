#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/profile.h"

namespace ditto {

/// A row of numbers over the steps, NaN where nothing was measured.
struct ProfileCurve {
  std::string array;
  std::string part;  ///< the branch, or which part of the array
  std::vector<double> values;
};

/// The curves worth a look: of each branch, means over the blocks where an array has blocks.
std::vector<ProfileCurve> profile_curves(const Profile& profile);

/// How well what was measured fits, and how much it varies, by array.
nlohmann::ordered_json profile_fits(const Profile& profile);

/// A curve in at most `columns` glyphs, the lowest value at the bottom; a space where nothing was measured.
std::string sparkline(const std::vector<double>& values, std::size_t columns);

}  // namespace ditto
