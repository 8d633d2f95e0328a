#include "core/model.h"

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

Activations Activations::row(std::int64_t r) const {
  return {hidden.row(r), {rows.at(static_cast<std::size_t>(r))}, step, context};
}

at::Tensor Model::received_attention(int unit, const Activations&, int) const {
  throw Error(ExitCode::kUsage, fmt::format("received attention of '{}': the unit has none; accepted: self-attention",
                                            topology().units.at(static_cast<std::size_t>(unit)).name));
}

Blend Blend::fresh(Feature output) { return {{std::move(output)}, {1.0F}, {}}; }

}  // namespace ditto
