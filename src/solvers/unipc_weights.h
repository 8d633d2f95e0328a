#pragma once

#include <optional>

#include "kernels/solver_update.h"

namespace ditto {

using kernels::UniPcWeights;

/// ln((1 - sigma) / sigma): the axis on which UniPC extrapolates.
double log_signal_ratio(double sigma);

/// The predictor (UniP, B(h) = e^h - 1) from `sigma` to `next_sigma`; second order when `previous_sigma` is given.
/// https://arxiv.org/abs/2302.04867, in data-prediction form for a flow (alpha = 1 - sigma). next_sigma may be 0.
UniPcWeights unipc_predictor(double sigma, double next_sigma, std::optional<double> previous_sigma);

/// The corrector (UniC) of the same step, once the data prediction at `next_sigma` (above 0) is known.
UniPcWeights unipc_corrector(double sigma, double next_sigma, std::optional<double> previous_sigma);

}  // namespace ditto
