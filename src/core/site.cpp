#include "core/site.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {
namespace {

constexpr std::array<std::pair<FeatureForm, std::string_view>, 4> kFormNames = {
    {{FeatureForm::kOutput, "output"},
     {FeatureForm::kDelta, "delta"},
     {FeatureForm::kState, "state"},
     {FeatureForm::kBranchDelta, "branch_delta"}}};

bool partly_overlap(const Site& a, const Site& b) {
  if (a.end <= b.begin || b.end <= a.begin) return false;
  const bool a_holds_b = a.begin <= b.begin && b.end <= a.end;
  const bool b_holds_a = b.begin <= a.begin && a.end <= b.end;
  return !a_holds_b && !b_holds_a;
}

void check_clusters(const Site& site, const Topology& topology) {
  const std::vector<int>& clusters = site.cluster_of_channel;
  const bool fits = std::ssize(clusters) == topology.channels && std::ranges::all_of(clusters, [&](int cluster) {
                      return 0 <= cluster && cluster < topology.channels;
                    });
  if (clusters.empty() || fits) return;
  throw Error(ExitCode::kUsage,
              fmt::format("--cache: site '{}' sorts {} channels into clusters; the model has {} channels", site.name,
                          clusters.size(), topology.channels));
}

void validate(const Site& site, const Topology& topology) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ExitCode::kUsage, fmt::format("--cache: site '{}' {}", site.name, why));
  };
  if (site.keep < 1) refuse("keeps no snapshot; at least 1 is needed");
  if (site.scope == Scope::kPrediction) {
    if (site.form == FeatureForm::kState)
      refuse("asks for the state of a prediction; accepted: output, delta, branch_delta");
    if (site.form == FeatureForm::kBranchDelta && topology.guidance_distilled) {
      refuse("asks for a branch delta of a guidance-distilled model, which has one branch");
    }
    if (!site.cluster_of_channel.empty()) refuse("sorts channels of the prediction; only those of units can be");
    return;
  }
  if (site.begin < 0 || site.end > topology.unit_count() || site.begin >= site.end) {
    refuse(fmt::format("covers units {} to {}; the model has {}", site.begin, site.end, topology.unit_count()));
  }
  if (site.form == FeatureForm::kBranchDelta)
    refuse("asks for a branch delta of units; it exists at the prediction only");
  if (site.form == FeatureForm::kOutput && site.end - site.begin != 1) refuse("asks for the output of several units");
  if (site.split != Split::kNone) refuse("asks for frequency bands of units; they exist at the prediction only");
  check_clusters(site, topology);
}

constexpr std::string_view kAcceptedTogether = "accepted: policies whose sites are apart or nest";

/// Refuses two sites that cannot both be in a plan.
void validate(const Site& a, const Site& b) {
  const auto refuse = [&](const char* why) {
    throw Error(ExitCode::kUsage,
                fmt::format("--cache: sites '{}' and '{}' {}; {}", a.name, b.name, why, kAcceptedTogether));
  };
  if (a.name == b.name)
    throw Error(ExitCode::kUsage, fmt::format("--cache: two sites are named '{}'; {}", a.name, kAcceptedTogether));
  if (a.scope != Scope::kUnits || b.scope != Scope::kUnits) return;
  if (partly_overlap(a, b)) refuse("overlap without nesting");
  // A unit has one output: were both sites asked, one of them would be passed over in silence.
  const bool outputs = a.form == FeatureForm::kOutput && b.form == FeatureForm::kOutput;
  if (outputs && a.begin == b.begin) refuse("both hold the output of one unit");
  // The outer one would store what the inner one made of stale features as if it were fresh.
  const bool changes = a.form != FeatureForm::kOutput && b.form != FeatureForm::kOutput;
  if (changes && a.begin == b.begin && a.end == b.end) refuse("hold what the same units make");
}

}  // namespace

int Topology::block_begin(int block) const {
  const auto it = std::ranges::lower_bound(units, block, {}, &UnitInfo::block);
  return static_cast<int>(it - units.begin());
}

int Topology::block_end(int block) const { return block_begin(block + 1); }

std::string_view form_name(FeatureForm form) {
  return std::ranges::find(kFormNames, form, &decltype(kFormNames)::value_type::first)->second;
}

FeatureForm form_from_name(std::string_view name) {
  const auto it = std::ranges::find(kFormNames, name, &decltype(kFormNames)::value_type::second);
  if (it == kFormNames.end()) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("form: unknown form '{}'; accepted: output, delta, state, branch_delta", name));
  }
  return it->first;
}

std::string_view split_name(Split split) { return split == Split::kNone ? "none" : "frequency_bands"; }

int Site::clusters() const {
  return cluster_of_channel.empty() ? 1 : *std::ranges::max_element(cluster_of_channel) + 1;
}

std::string site_name(const Topology& topology, int begin, int end) {
  const UnitInfo& first = topology.units.at(static_cast<std::size_t>(begin));
  if (end - begin == 1) return first.name;
  const UnitInfo& last = topology.units.at(static_cast<std::size_t>(end) - 1);
  const bool whole_blocks = topology.block_begin(first.block) == begin && topology.block_end(last.block) == end;
  if (!whole_blocks) return first.name + "-" + last.name;
  return first.block == last.block ? fmt::format("blocks.{}", first.block)
                                   : fmt::format("blocks.{}-{}", first.block, last.block);
}

Site unit_site(const Topology& topology, int begin, int end, FeatureForm form, int keep) {
  return {site_name(topology, begin, end), Scope::kUnits, begin, end, form, keep};
}

Site prediction_site(FeatureForm form, int keep) {
  const std::string name = form == FeatureForm::kBranchDelta ? "prediction.branch_delta" : "prediction";
  return {name, Scope::kPrediction, 0, 0, form, keep};
}

void validate(const Plan& plan, const Topology& topology) {
  for (std::size_t i = 0; i < plan.sites.size(); ++i) {
    validate(plan.sites[i], topology);
    for (std::size_t j = 0; j < i; ++j) validate(plan.sites[j], plan.sites[i]);
  }
  for (const Probe& probe : plan.probes) {
    if (probe.unit < -1 || probe.unit >= topology.unit_count()) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--cache: a probe after unit {}; the model has {}", probe.unit, topology.unit_count()));
    }
    if (probe.kind == ProbeKind::kReceivedAttention && (probe.unit < 0 || probe.query_stride < 1)) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--cache: a probe of the attention in unit {}, every {} queries; accepted: "
                              "a unit of the model, every query or fewer",
                              probe.unit, probe.query_stride));
    }
  }
}

}  // namespace ditto
