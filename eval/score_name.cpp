#include "eval/score_name.h"

#include <fmt/format.h>

namespace ditto {

std::string score_name(const std::string& metric, std::optional<double> crf) {
  return crf ? fmt::format("{}@crf={}", metric, *crf) : metric;
}

std::string_view metric_of(std::string_view score_name) { return score_name.substr(0, score_name.find('@')); }

}  // namespace ditto
