#pragma once

#include <string>
#include <vector>

namespace ditto {

/// Numbers written "a/b/c". Throws Error(kUsage) beginning with `option` ("policy:option") when one is no finite
/// number; `accepted` ends the message.
std::vector<double> parse_numbers(const std::string& text, const std::string& option,
                                  const std::string& accepted = "numbers a/b/c");

}  // namespace ditto
