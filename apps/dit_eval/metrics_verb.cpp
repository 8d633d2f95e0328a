#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/dit_eval/verbs.h"
#include "eval/metrics/registry.h"

namespace ditto {

ExitCode list_metrics(Program& program) {
  for (const MetricEntry& metric : metrics()) {
    const std::optional<std::string> reason = metric.unavailable();
    nlohmann::ordered_json json = {{"name", metric.name},
                                   {"convention", metric.convention},
                                   {"better", metric.better == BetterScore::kHigher ? "higher" : "lower"},
                                   {"available", !reason.has_value()}};
    if (reason) json["reason"] = *reason;
    program.console.event(json);
    program.console.result(fmt::format("{:<14} {}{}", metric.name, metric.convention,
                                       reason ? fmt::format("  [not available: {}]", *reason) : ""));
  }
  return ExitCode::kDone;
}

}  // namespace ditto
