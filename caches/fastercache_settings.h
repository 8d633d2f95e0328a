#pragma once

#include "caches/registry.h"

namespace ditto {

/// Steps of which a part of FasterCache may reuse: none of the `first`, and none whose count from 1 is `phase` modulo
/// `interval`.
struct ReuseSteps {
  int first = 0;
  int interval = 1;
  int phase = 0;

  bool contains(int index) const { return index >= first && (index + 1) % interval != phase % interval; }
};

/// Attention part: which steps forecast, and the weight of the last difference, max(floor, scale * (count - origin) /
/// span) with steps counted from 1.
struct AttentionForecast {
  bool enabled = false;
  ReuseSteps steps;
  double floor = 0, scale = 0, origin = 0, span = 1;

  double weight(int index) const;
  bool is_plain_reuse() const { return floor == 0 && scale == 0; }
};

/// Guidance part: which steps leave the unconditional branch out, and what strengthens the bands of the difference: the
/// low one before step index `low_until`, the high one from index `high_from` on.
struct GuidanceReuse {
  bool enabled = false;
  ReuseSteps steps;
  bool compound = true;  ///< the factor once more for every step that reuses; otherwise once
  double low_factor = 1, high_factor = 1;
  int low_until = 0, high_from = 0;

  /// Weights of the low and the high band at step `index` for a difference of step `computed`.
  std::vector<float> weights(int computed, int index) const;
};

struct FasterCacheSettings {
  AttentionForecast attention;
  GuidanceReuse guidance;
};

/// Options of the policy, in the order in which they are listed.
std::vector<OptionSpec> fastercache_options();

/// Settings of a run of `steps` steps: options, then those published for the model at this number of steps, then the
/// general ones. Throws Error(kUsage) for options without effect; `two_branches` says whether there is a guidance part.
FasterCacheSettings fastercache_settings(const PolicyOptions& options, const ModelIdentity& model, int steps,
                                         bool two_branches);

}  // namespace ditto
