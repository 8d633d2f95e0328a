#include "caches/feature_sites.h"

namespace ditto {

std::vector<Site> sites_of_level(const std::string& level, const Topology& topology, int keep) {
  if (level == "prediction") return {prediction_site(FeatureForm::kOutput, keep)};
  if (level == "stack") return {unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta, keep)};
  std::vector<Site> sites;
  if (level == "block") {
    for (int block = 0; block < topology.block_count(); ++block) {
      sites.push_back(
          unit_site(topology, topology.block_begin(block), topology.block_end(block), FeatureForm::kDelta, keep));
    }
    return sites;
  }
  for (int unit = 0; unit < topology.unit_count(); ++unit) {
    sites.push_back(unit_site(topology, unit, unit + 1, FeatureForm::kOutput, keep));
  }
  return sites;
}

}  // namespace ditto
