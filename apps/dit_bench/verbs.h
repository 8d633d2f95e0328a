#pragma once

#include <filesystem>
#include <string>
#include <vector>

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
};

struct KernelsArguments {
  int repetitions = 15;
  int threads = 1;
};

/// The verbs of dit-bench; each returns the exit code of its success and throws Error otherwise.
ExitCode bench_policies(Program& program, const PoliciesArguments& arguments);
ExitCode bench_kernels(Program& program, const KernelsArguments& arguments);

}  // namespace ditto
