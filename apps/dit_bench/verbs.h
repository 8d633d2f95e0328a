#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "apps/common/arguments.h"
#include "apps/common/program.h"
#include "core/error.h"

namespace ditto {

struct PoliciesArguments {
  std::filesystem::path model;  ///< empty: the shipped miniature
  std::string dtype = "fp32";
  int repetitions = 15;
  int steps = 50;
  int threads = 1;
  std::vector<std::string> settings;
  std::stop_token stop;
};

struct FullArguments {
  std::filesystem::path model;    ///< empty: the shipped miniature
  std::optional<PixelSize> size;  ///< the model's own when not given, as are the frames
  std::optional<int> frames;
  int repetitions = 5;
  int steps = 50;
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
