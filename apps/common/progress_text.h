#pragma once

#include <string>

namespace ditto {

/// "[######..................]" for a share between 0 and 1.
std::string progress_bar(double share);

/// "4:07", "1:02:09".
std::string clock_time(double seconds);

}  // namespace ditto
