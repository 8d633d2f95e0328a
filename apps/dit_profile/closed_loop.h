#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "apps/common/program.h"
#include "apps/common/session.h"
#include "core/profile.h"
#include "core/trace.h"
#include "runtime/pipeline.h"

namespace ditto {

/// Runs schedules of a profile on prompts and compares them with full compute of the same prompts.
class ClosedLoop {
 public:
  /// Loads the model and reads the prompts file. Throws Error(kBadInputFile) when the model is not that of the profile
  /// or a line is no prompt.
  ClosedLoop(Program& program, const ModelArguments& model, const std::filesystem::path& prompts,
             const Profile& profile);

  /// Root mean square difference of the pixels, which lie between 0 and 1 and are not rounded to 8 bits, as its
  /// geometric mean over the prompts: -20 log10 of it is the mean PSNR. Throws Cancelled.
  double error(const Trace& schedule);

  int prompts() const { return static_cast<int>(requests_.size()); }

 private:
  at::Tensor pixels_of(std::size_t prompt, const Trace* schedule);

  Program& program_;
  Session session_;
  std::vector<Request> requests_;
  std::vector<at::Tensor> full_;  ///< pixels of full compute
  int schedules_ = 0;             ///< run so far
};

}  // namespace ditto
