#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "apps/common/arguments.h"
#include "runtime/pipeline.h"

namespace ditto {

/// How to sample; whatever is not set is the model's own default. Shared by the verbs that run a model.
struct SamplingArguments {
  std::vector<std::uint64_t> seeds;  ///< empty when not given
  std::optional<PixelSize> size;
  std::optional<int> frames, steps;
  std::optional<double> guidance, shift;
  std::optional<std::string> solver;

  /// Sets all of these but the seeds.
  void apply_to(Request& request) const;
};

void add_sampling_options(CLI::App& app, SamplingArguments& arguments);

}  // namespace ditto
