#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace ditto {

/// Arrays of a profile that are measured together; docs/profiles.md lists them.
enum class ArrayGroup : std::uint8_t {
  kResidual,
  kBlocks,
  kIndicators,
  kAttention,
  kChannels,
  kGram,
  kStackGram,
  kEdges,
};

using ArrayGroups = std::set<ArrayGroup>;

struct ArrayGroupEntry {
  ArrayGroup group;
  std::string_view name;
  std::string_view help;
};

/// All groups, in the order in which they are listed to users.
std::span<const ArrayGroupEntry> array_groups();

/// Error(kUsage) that names the nearest group for an unknown name.
ArrayGroup array_group_from_name(std::string_view option, std::string_view name);

std::string_view array_group_name(ArrayGroup group);

ArrayGroups all_array_groups();

}  // namespace ditto
