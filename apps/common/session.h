#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/App.hpp>

#include "apps/common/console.h"
#include "models/registry.h"

namespace ditto {

/// Which model to load and how; shared by the verbs that run one.
struct ModelArguments {
  std::filesystem::path folder;  ///< empty: the shipped miniature
  std::optional<std::string> device, dtype, kernels, prompt_clean;
  std::optional<int> threads;
  bool no_verify = false;
};

void add_model_options(CLI::App& app, ModelArguments& arguments);

/// A loaded model and how it runs.
struct Session {
  std::filesystem::path folder;
  LoadOptions load;
  int threads = 1;
  std::shared_ptr<const VideoModel> model;
  double load_seconds = 0;
};

/// Device, dtype and kernels that the arguments choose. Throws Error(kUsage) for a device this machine does not have.
LoadOptions load_options(const ModelArguments& arguments);

/// Sets the number of CPU threads, loads the model and passes its warnings on.
Session open_session(const ModelArguments& arguments, Console& console);

/// "fp32", "bf16", "fp16"; "auto", "reference".
std::string dtype_name(c10::ScalarType dtype);
std::string kernels_name(KernelMode kernels);

}  // namespace ditto
