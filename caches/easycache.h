#pragma once

#include "caches/registry.h"

namespace ditto {

/// EasyCache (arXiv 2507.02860): reuses prediction minus latent while the predicted change of the output, accumulated
/// since the last computed step, stays below `threshold`. The conditional branch decides for both.
PolicyEntry easycache_entry();

}  // namespace ditto
