#include "caches/unit_kinds.h"

#include <algorithm>

namespace ditto {
namespace {

bool is_attention_beginning(std::string_view kind, std::string_view beginning) {
  return kind.starts_with(beginning) && kind.ends_with("attention");
}

}  // namespace

bool is_cross_attention(std::string_view kind) { return is_attention_beginning(kind, "cross"); }

bool is_temporal_attention(std::string_view kind) { return is_attention_beginning(kind, "temporal"); }

bool is_self_attention(std::string_view kind) { return kind.ends_with("attention") && !is_cross_attention(kind); }

bool has_factorised_attention(const Topology& topology) {
  return std::ranges::any_of(topology.units, [](const UnitInfo& unit) { return is_temporal_attention(unit.kind); });
}

}  // namespace ditto
