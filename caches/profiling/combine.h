#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/profile.h"

namespace ditto {

/// How an array of several runs comes from the arrays of each.
enum class ArrayRule : std::uint8_t {
  kByRun,   ///< the runs lie along the first axis and are joined
  kMean,    ///< a mean, weighted by the number of runs
  kDerived  ///< computed from arrays of the first kind
};

/// An array that profiles may hold, what its axes are and what it says.
struct ProfileArray {
  std::string name;
  ArrayRule rule;
  std::string_view axes;
  std::string_view meaning;
};

/// Every array there is, in the order in which they are listed to users.
std::span<const ProfileArray> profile_arrays();

/// One profile of the runs of several, of the same model and settings, with all that is derived from them. Arrays of
/// edges may be missing in some. Throws Error(kBadInputFile) naming both files when they do not agree.
Profile combine(std::span<const Profile> profiles);

}  // namespace ditto
