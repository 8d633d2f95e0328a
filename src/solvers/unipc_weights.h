#pragma once

#include <optional>

namespace ditto {

/// One UniPC update as weights over tensors: the latent the step started from, the data predictions at the step's start
/// (`current`), at the step before (`previous`) and at its end (`fresh`, for the corrector only). They sum to 1.
struct UniPcWeights {
  double latent = 0;
  double current = 0;
  double previous = 0;
  double fresh = 0;
};

/// ln((1 - sigma) / sigma): the axis on which UniPC extrapolates.
double log_signal_ratio(double sigma);

/// The predictor (UniP, B(h) = e^h - 1) from `sigma` to `next_sigma`; second order when `previous_sigma` is given.
/// https://arxiv.org/abs/2302.04867, in data-prediction form for a flow (alpha = 1 - sigma). next_sigma may be 0.
UniPcWeights unipc_predictor(double sigma, double next_sigma, std::optional<double> previous_sigma);

/// The corrector (UniC) of the same step, once the data prediction at `next_sigma` (above 0) is known.
UniPcWeights unipc_corrector(double sigma, double next_sigma, std::optional<double> previous_sigma);

}  // namespace ditto
