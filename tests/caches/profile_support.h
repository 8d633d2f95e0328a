#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>

#include "caches/run_with.h"
#include "core/profile.h"
#include "io/io_support.h"

namespace ditto::test {

/// A profile of a model and the settings of run_with; write() it under any name.
inline Profile profile_of(const Model& model, const RunSetup& setup, std::map<std::string, at::Tensor> arrays) {
  Profile profile;
  profile.model = model.topology().identity;
  profile.units = model.topology().unit_count();
  profile.run = engine_run_info(setup.steps, setup.engine());
  for (const StepInfo& step : even_schedule(setup.steps)) profile.sigmas.push_back(step.sigma);
  profile.sigmas.push_back(0);
  profile.version = "test";
  profile.prompts = 1;
  profile.arrays = std::move(arrays);
  return profile;
}

/// Presets of this test alone, in place of those that Ditto ships.
class PresetFolder {
 public:
  PresetFolder() { ::setenv("DITTO_PRESETS", folder_.path().c_str(), 1); }
  ~PresetFolder() { ::unsetenv("DITTO_PRESETS"); }
  PresetFolder(const PresetFolder&) = delete;
  PresetFolder& operator=(const PresetFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

}  // namespace ditto::test
