#pragma once

#include <ATen/core/Tensor.h>

namespace ditto {

/// Whether a contiguous CPU tensor holds NaN or infinity. Looks at exponent bits in one pass without temporaries, so it
/// runs at memory speed; integer tensors never do.
bool has_non_finite(const at::Tensor& tensor);

}  // namespace ditto
