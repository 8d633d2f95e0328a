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
  /// Loads the model and reads the prompts file. Throws Error(kBadInputFile) when the model is not that of the profile,
  /// or a line is no prompt or has a size of its own; Cancelled.
  ClosedLoop(Program& program, const ModelArguments& model, const std::filesystem::path& prompts,
             const Profile& profile);

  /// Root mean square difference of one prompt's pixels, which lie between 0 and 1 and are not rounded to 8 bits. -20
  /// log10 of its geometric mean over the prompts is the mean PSNR. Throws Cancelled.
  double error(const Trace& schedule, int prompt);

  int prompts() const { return static_cast<int>(requests_.size()); }

 private:
  at::Tensor pixels_of(int prompt, const Trace* schedule);

  Program& program_;
  Session session_;
  std::vector<Request> requests_;
  std::vector<at::Tensor> full_;  ///< pixels of full compute, undefined where not yet needed
  int runs_ = 0;                  ///< of schedules, so far
};

}  // namespace ditto
