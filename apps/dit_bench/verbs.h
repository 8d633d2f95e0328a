#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "apps/common/arguments.h"
#include "apps/common/program.h"
#include "core/error.h"
#include "runtime/pipeline.h"

namespace ditto {

/// The clip whose runs are timed; size and frames are the model's own when not given.
struct ClipArguments {
  std::filesystem::path model;  ///< empty: the shipped miniature
  std::optional<PixelSize> size;
  std::optional<int> frames;
  int steps = 50;

  std::filesystem::path model_folder() const;
  Request request() const;
};

struct PoliciesArguments {
  ClipArguments clip;
  std::string dtype = "fp32";
  int repetitions = 15;
  int threads = 1;
  std::vector<std::string> settings;
  std::stop_token stop;
};

struct FullArguments {
  ClipArguments clip;
  int repetitions = 5;
  int threads = 1;
  std::stop_token stop;
};

struct KernelsArguments {
  int repetitions = 15;
  int threads = 1;
  std::stop_token stop;
};

/// The verbs of dit-bench; each returns the exit code of its success and throws Error, or Cancelled, otherwise.
ExitCode bench_full(Program& program, const FullArguments& arguments);
ExitCode bench_policies(Program& program, const PoliciesArguments& arguments);
ExitCode bench_kernels(Program& program, const KernelsArguments& arguments);

}  // namespace ditto
