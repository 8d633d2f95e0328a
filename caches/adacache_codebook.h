#pragma once

#include <string>
#include <vector>

#include "core/site.h"

namespace ditto {

/// AdaCache's table from the change of a feature per step to the number of steps until it is computed again.
struct AdaCacheCodebook {
  std::vector<double> thresholds;  ///< ascending
  std::vector<int> rates;          ///< one more: the last for changes above every threshold
  double motion_begin = 0.1;       ///< share of the run before which motion is not regarded
  double motion_end = 0.9;         ///< and after which it is not

  /// Steps to the next computed step; 1 for a change that is no number.
  int rate(double change) const;

  bool never_reuses() const;
};

/// What MoReg makes of a motion score.
struct MotionRule {
  double scale = 1;
  double power = 1;
  double gradient = 0;
};

/// A codebook published under that name, or one written "0.08:6/0.16:3/1". Throws Error(kUsage).
AdaCacheCodebook adacache_codebook(const std::string& text, const ModelIdentity& model);

MotionRule adacache_motion_rule(const ModelIdentity& model);

}  // namespace ditto
