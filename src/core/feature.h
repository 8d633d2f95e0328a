#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace ditto {

/// A guidance branch. A guidance-distilled model has the conditional one only.
enum class Branch : std::uint8_t { kConditional, kUnconditional };

/// "conditional" or "unconditional", as traces spell it.
std::string_view branch_name(Branch branch);

/// The inverse of branch_name; throws Error(kBadInputFile) on any other word.
Branch branch_from_name(std::string_view name);

/// A copy, written over `spare` where that has the same form and no other holder: what is stored anew in every step
/// then costs no allocation.
at::Tensor copied(const at::Tensor& tensor, at::Tensor spare = {});

/// The tensor, or a copy when it is a view of a larger buffer, which it would keep alive unaccounted for.
at::Tensor owned(const at::Tensor& tensor, at::Tensor spare = {});

/// What is cached: one tensor [rows, tokens, channels] per stream (or a prediction [rows, channels, frames, height,
/// width]). `text` is the second stream of two-stream models and undefined elsewhere.
struct Feature {
  at::Tensor video;
  at::Tensor text;

  bool defined() const { return video.defined(); }
  std::int64_t bytes() const;
  Feature row(std::int64_t index) const;  ///< a view of one batch row, kept as a batch of one
  Feature clone() const;
  Feature owned(Feature spare = {}) const;  ///< this, or copies of those tensors that are views of a larger buffer
};

/// A feature with the executed step (StepInfo::index), its node on the full grid and the noise level it was computed
/// at. Components of a split feature (Site::split) lie along the first axis.
struct Snapshot {
  int index = 0;
  int node = 0;
  double sigma = 0;
  Feature feature;
};

}  // namespace ditto
