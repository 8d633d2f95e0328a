#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/common/program.h"
#include "apps/dit_gen/generate_arguments.h"

namespace ditto {

/// The default verb: every job of the command line. `command` is the command line, for people to repeat.
ExitCode generate_clips(Program& program, const GenerateArguments& arguments, const std::string& command);

/// `inspect FILE`: what a file or folder is, in a screen. Throws Error(kBadInputFile) for what it does not know.
ExitCode inspect(Program& program, const std::filesystem::path& path);

struct ReproduceArguments {
  std::filesystem::path file;
  ModelArguments model;  ///< device, dtype, kernels and threads are those of the recorded run unless given
  std::optional<std::filesystem::path> noise;
};

/// `reproduce FILE.mp4`: runs again from the file's metadata and compares the frame hash. kDone when equal.
ExitCode reproduce(Program& program, const ReproduceArguments& arguments);

/// `policies [NAME]`: all of them, or one with its options.
ExitCode list_policies(Program& program, const std::optional<std::string>& name);

/// `doctor`: versions, devices, threads, BLAS, encoders, weights found.
ExitCode examine(Program& program);

}  // namespace ditto
