#include "core/model.h"

namespace ditto {

Activations Activations::row(std::int64_t r) const {
  return {hidden.row(r), {rows.at(static_cast<std::size_t>(r))}, step, context};
}

Blend Blend::fresh(Feature output) { return {{std::move(output)}, {1.0F}}; }

}  // namespace ditto
