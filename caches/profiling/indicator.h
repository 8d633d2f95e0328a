#pragma once

#include <array>
#include <string_view>

#include "core/site.h"

namespace ditto {

/// Indicators of change by the names that arrays and options have for them.
struct Indicator {
  Signal signal;
  std::string_view name;
};
inline constexpr std::array<Indicator, 3> kIndicators = {
    {{Signal::kTimeEmbedding, "emb"}, {Signal::kTimeProjection, "emb_proj"}, {Signal::kModulatedInput, "modulated"}}};

}  // namespace ditto
