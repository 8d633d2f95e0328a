#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ditto {

/// What a score is called in records and tables: the metric, of raw frames ("psnr"), or with how both clips were
/// treated before it ("psnr@crf=25").
std::string score_name(const std::string& metric, std::optional<double> crf);

/// The metric of such a name.
std::string_view metric_of(std::string_view score_name);

}  // namespace ditto
