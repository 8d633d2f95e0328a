#pragma once

#include <cstdint>

namespace ditto {

/// Mean length in pixels of the flow from one RGB frame (row-major, 3 bytes a pixel) to the next: what the module
/// libditto_flow exports under kFlowFunctionName.
using FlowFunction = double (*)(const std::uint8_t* from, const std::uint8_t* to, int height, int width);
inline constexpr const char* kFlowFunctionName = "ditto_mean_flow_length";

}  // namespace ditto
