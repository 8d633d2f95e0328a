#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// A stored tensor and its weight in a linear combination.
struct GramTerm {
  int index = 0;
  double weight = 0;
};

/// Inner products <y_a, y_b> / numel of the tensors of some runs: the mean square of any linear combination of them is
/// w'Sw, so errors of solver steps and forecasts need neither the tensors nor the model.
class Gram {
 public:
  /// `matrices`: [..., size, size], one for each sample (prompt, or prompt and branch). Error(kBadInputFile) naming
  /// `source` for another shape or for entries that are not finite.
  Gram(const at::Tensor& matrices, int size, std::string_view source);

  int samples() const { return samples_; }

  /// Root of the mean square over all samples of the combination; 0 where rounding makes it negative.
  double rms(std::span<const GramTerm> terms) const;

  /// The same of one sample.
  double rms(std::span<const GramTerm> terms, int sample) const;

 private:
  double entry(int sample, int a, int b) const;

  int size_ = 0;
  int samples_ = 0;
  std::vector<double> entries_;  // the mean over samples, then every sample
};

/// The Gram matrices of (x_0 .. x_T, m_0 .. m_{T-1}) with the latents as UniPC's corrector leaves them, from those with
/// the latents as they enter the steps: corrected latents are combinations of x_0 and data predictions, so the matrices
/// hold all that is needed. `sigmas`: T + 1 noise levels.
at::Tensor with_corrected_latents(const at::Tensor& matrices, std::span<const double> sigmas);

}  // namespace ditto
