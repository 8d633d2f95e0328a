#pragma once

#include <string_view>

namespace ditto {

/// The style sheet of a report beside chart_style(): one column on a phone, charts side by side where there is room,
/// light and dark.
std::string_view page_style();

}  // namespace ditto
