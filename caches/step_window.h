#pragma once

#include <algorithm>
#include <span>
#include <string>

#include "caches/registry.h"
#include "core/step_grid.h"

namespace ditto {

/// Executed steps that are always computed: `first` at the start and `last` at the end of a run.
struct StepWindow {
  int first = 0;
  int last = 0;

  bool must_compute(const StepInfo& step) const { return step.index < first || step.index >= step.count - last; }

  /// Whether no step is left to decide about: nothing has to be stored then.
  bool covers(std::span<const StepInfo> schedule) const {
    return std::ranges::all_of(schedule, [&](const StepInfo& step) { return must_compute(step); });
  }
};

/// The window that the options below ask for.
inline StepWindow step_window(const PolicyOptions& options) {
  return {options.integer("first"), options.integer("last")};
}

/// `first` and `last` for a policy's table; `note` goes on with the help.
inline OptionSpec first_option(const std::string& default_value, const std::string& note = "") {
  return {"first", OptionType::kInteger, default_value, "steps always computed at the start" + note};
}
inline OptionSpec last_option(const std::string& default_value, const std::string& note = "") {
  return {"last", OptionType::kInteger, default_value, "steps always computed at the end" + note};
}

}  // namespace ditto
