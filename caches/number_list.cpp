#include "caches/number_list.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "caches/refusal.h"

namespace ditto {

std::vector<double> parse_numbers(const std::string& text, const std::string& option, const std::string& accepted) {
  std::vector<double> numbers;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string_view item = rest.substr(0, slash);
    double value = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || end != item.data() + item.size() || !std::isfinite(value)) {
      refuse_option(option, fmt::format("'{}' is no number", item), accepted);
    }
    numbers.push_back(value);
    more = slash != std::string_view::npos;
    if (more) rest = rest.substr(slash + 1);
  }
  return numbers;
}

}  // namespace ditto
