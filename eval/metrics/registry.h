#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "eval/metrics/metric_result.h"

namespace ditto {

/// A metric by name. `convention` says in a few words which of the published definitions it is. `evaluate` compares
/// uint8 frames [T,H,W,3] and throws Error(kUsage) for clips it is not defined for. `unavailable` gives the reason when
/// it cannot be computed here (missing weights).
struct MetricEntry {
  std::string name;
  std::string convention;
  BetterScore better = BetterScore::kHigher;
  std::function<MetricResult(const at::Tensor& reference, const at::Tensor& candidate)> evaluate;
  std::function<std::optional<std::string>()> unavailable = [] { return std::nullopt; };
};

/// Every metric, in the order in which they are listed. The only list there is.
std::span<const MetricEntry> metrics();

/// The entry of that name. Throws Error(kUsage) naming the nearest one, or why the metric is not available here.
const MetricEntry& find_metric(const std::string& option, const std::string& name);

}  // namespace ditto
