#pragma once

#include <string_view>

#include "core/site.h"

namespace ditto {

/// What policies need to know of UnitInfo::kind. Kinds of attention end in "attention"; those of models that mix space
/// and time in turn begin with "spatial" and "temporal", attention to the text begins with "cross".
bool is_cross_attention(std::string_view kind);
bool is_temporal_attention(std::string_view kind);

/// Attention among the tokens of the video: spatial, temporal or over all of them.
bool is_self_attention(std::string_view kind);

/// Whether the model mixes space and time in turn rather than all tokens at once.
bool has_factorised_attention(const Topology& topology);

}  // namespace ditto
