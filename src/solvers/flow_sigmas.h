#pragma once

#include <vector>

#include "core/step_grid.h"

namespace ditto {

/// shift * s / (1 + (shift - 1) * s): moves noise levels towards 1 for shift > 1 and leaves 0 and 1 in place.
double shift_sigma(double sigma, double shift);

/// `count` evenly spaced numbers from `first` to `last`, both included (`first` alone when count is 1).
std::vector<double> linear_spacing(double first, double last, int count);

/// The grid that visits every one of these noise levels in order and ends at 0.
StepGrid grid_of(std::vector<double> sigmas);

/// Error(kUsage) when `steps` is below 1.
void require_steps(int steps);

/// The noise levels rounded to fp32, as diffusers stores them; TORCH_CHECK that they fall strictly and end at 0.
std::vector<double> stored_sigmas(const StepGrid& grid);

}  // namespace ditto
