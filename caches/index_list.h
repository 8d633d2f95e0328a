#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ditto {

/// The ascending indices of a list "0/2-7/10-20" of numbers and ranges; none for "none". Throws Error(kUsage) beginning
/// with `where` when it is no such list or does not ascend.
std::vector<int> parse_index_list(const std::string& text, const std::string& where);

/// Maximal runs of consecutive indices of an ascending list, as pairs of first and last.
std::vector<std::pair<int, int>> consecutive_runs(const std::vector<int>& ascending);

}  // namespace ditto
