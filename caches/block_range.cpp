#include "caches/block_range.h"

#include <fmt/format.h>

#include "caches/refusal.h"

namespace ditto {

Site block_range_site(const Topology& topology, const std::string& policy, int first_blocks, int last_blocks,
                      int keep) {
  const int most = topology.block_count() - 1;
  const auto refuse = [&](const char* option, int value, int accepted) {
    refuse_option(policy + ":" + option, fmt::format("{} leaves nothing to reuse", value),
                  fmt::format("at most {} of the model's {} blocks", accepted, topology.block_count()));
  };
  if (first_blocks > most) refuse("first_blocks", first_blocks, most);
  if (last_blocks > most - first_blocks) refuse("last_blocks", last_blocks, most - first_blocks);
  return unit_site(topology, topology.block_begin(first_blocks), topology.block_end(most - last_blocks),
                   FeatureForm::kDelta, keep);
}

}  // namespace ditto
