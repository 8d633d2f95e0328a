#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "core/video_model.h"
#include "kernels/kernel_mode.h"
#include "text/prompt_cleaning.h"

namespace ditto {

struct LoadOptions {
  c10::Device device = c10::kCPU;
  c10::ScalarType dtype = c10::kFloat;  ///< of the transformer; latents and the decoder stay fp32
  KernelMode kernels = KernelMode::kAuto;
  PromptCleaning prompt_cleaning = PromptCleaning::kFtfyLite;
  bool verify_manifest = true;
};

/// Loads a diffusers folder. The family is chosen by `_class_name` in model_index.json; an unknown one is an
/// Error(kBadInputFile) that lists the families Ditto runs.
std::shared_ptr<const VideoModel> load_model(const std::filesystem::path& folder, const LoadOptions& options = {});

/// Names of the pipeline classes that load_model accepts.
std::vector<std::string> model_families();

/// Folder of the miniature model that ships with Ditto: in the install tree beside the library, or in the source tree.
std::filesystem::path shipped_model();

}  // namespace ditto
