#include "apps/common/progress_text.h"

#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace ditto {
namespace {

constexpr std::size_t kBarWidth = 24;

}  // namespace

std::string progress_bar(double share) {
  const auto filled = static_cast<std::size_t>(std::lround(share * kBarWidth));
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

std::string clock_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace ditto
