#include "caches/profiling/array_group.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest_name.h"
#include "core/printable.h"

namespace ditto {
namespace {

constexpr std::array<ArrayGroupEntry, 8> kGroups = {
    {{ArrayGroup::kResidual, "residual", "magnitude ratios and changes of the change made by all units"},
     {ArrayGroup::kBlocks, "blocks", "changes of the blocks' outputs and of what they add"},
     {ArrayGroup::kIndicators, "indicators", "changes of cheap indicators and of the output, and polynomials between"},
     {ArrayGroup::kAttention, "attention", "attention received by the foreground, by block and step"},
     {ArrayGroup::kChannels, "channels", "how channels evolve, and the error of each solver for them"},
     {ArrayGroup::kGram, "gram", "inner products of latents and data predictions"},
     {ArrayGroup::kStackGram, "stack_gram", "inner products of last hidden states, and of what all units add"},
     {ArrayGroup::kEdges, "edges", "error of the result when a segment of steps reuses: by far the dearest"}}};

}  // namespace

std::span<const ArrayGroupEntry> array_groups() { return kGroups; }

ArrayGroup array_group_from_name(std::string_view option, std::string_view name) {
  const auto entry = std::ranges::find(kGroups, name, &ArrayGroupEntry::name);
  if (entry != kGroups.end()) return entry->group;
  std::vector<std::string> names;
  for (const ArrayGroupEntry& known : kGroups) names.emplace_back(known.name);
  const std::string nearest = nearest_name(name, names);
  throw Error(ExitCode::kUsage,
              fmt::format("{}: '{}' is not measured{}; accepted: {}", option, printable(name),
                          nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest), fmt::join(names, ", ")));
}

std::string_view array_group_name(ArrayGroup group) {
  return std::ranges::find(kGroups, group, &ArrayGroupEntry::group)->name;
}

ArrayGroups all_array_groups() {
  ArrayGroups groups;
  for (const ArrayGroupEntry& entry : kGroups) groups.insert(entry.group);
  return groups;
}

}  // namespace ditto
