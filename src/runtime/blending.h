#pragma once

#include <span>
#include <string>

#include "core/cache_policy.h"
#include "core/model.h"

namespace ditto {

/// Why the blend that a decision asks for cannot be made of these snapshots of the site; empty when it can.
std::string blend_obstacle(const Site& site, const Decision& decision, std::span<const Snapshot> snapshots,
                           bool over_budget);

/// The blend that a decision asks for and nothing prevents: components of a snapshot are terms of their own.
/// `cluster_of_channel` is undefined for sites without clusters.
Blend make_blend(const Site& site, const Decision& decision, std::span<const Snapshot> snapshots,
                 const at::Tensor& cluster_of_channel);

/// The weighted sum of a blend's terms.
Feature evaluate(const Blend& blend, KernelMode mode);

/// hidden += or = the weighted sum, in place.
void add_to(const Feature& hidden, const Blend& blend, KernelMode mode);
void assign_to(const Feature& hidden, const Blend& blend, KernelMode mode);

}  // namespace ditto
