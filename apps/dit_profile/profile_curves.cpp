#include "apps/dit_profile/profile_curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/nanmean.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/forecasters/solver_pool.h"
#include "caches/profiling/channel_solvers.h"
#include "caches/profiling/indicator.h"
#include "core/error.h"

namespace ditto {
namespace {

using Json = nlohmann::ordered_json;

std::vector<double> values_of(const at::Tensor& row) {
  const at::Tensor plain = row.to(at::kDouble).contiguous();
  const double* first = plain.const_data_ptr<double>();
  return {first, first + plain.numel()};
}

/// An array of a profile that anybody may have written; -1 stands for any size.
const at::Tensor& array_of_shape(const Profile& profile, const std::string& name,
                                 const std::vector<std::vector<std::int64_t>>& accepted) {
  const at::Tensor& array = profile.array(name);
  const auto fits = [&](const std::vector<std::int64_t>& shape) {
    return std::ranges::equal(array.sizes(), shape,
                              [](std::int64_t size, std::int64_t wanted) { return size == wanted || wanted < 0; });
  };
  if (std::ranges::any_of(accepted, fits)) return array;
  std::vector<std::string> shapes;
  for (const auto& shape : accepted) shapes.push_back(fmt::format("[{}]", fmt::join(shape, ",")));
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: '{}': has the shape [{}]; accepted: {}, where -1 is any", profile.path.string(), name,
                          fmt::join(array.sizes(), ","), fmt::join(shapes, " or ")));
}

void add_branches(const Profile& profile, const std::string& name, std::vector<ProfileCurve>& curves) {
  if (!profile.has(name)) return;
  const auto branches = static_cast<std::int64_t>(profile.run.branches.size());
  const at::Tensor& array = array_of_shape(profile, name, {{branches, -1}, {branches, -1, -1}});
  for (std::size_t branch = 0; branch < profile.run.branches.size(); ++branch) {
    const at::Tensor part = array.select(0, static_cast<std::int64_t>(branch));
    const bool has_blocks = part.dim() == 2;
    curves.push_back({name, fmt::format("{}{}", branch_name(profile.run.branches[branch]), has_blocks ? ", mean" : ""),
                      values_of(has_blocks ? part.mean({0}) : part)});
  }
}

void add_edges(const Profile& profile, std::vector<ProfileCurve>& curves) {
  if (!profile.has("edge_error")) return;
  const at::Tensor& edges = array_of_shape(profile, "edge_error", {{profile.run.steps, -1}});
  const std::int64_t longest = edges.size(1) - 1;
  if (longest < 2) return;
  for (const std::int64_t distance : {std::int64_t{2}, longest}) {
    curves.push_back({"edge_error", fmt::format("{} steps", distance), values_of(edges.select(1, distance))});
    if (longest == 2) break;
  }
}

double largest(const at::Tensor& array) {
  double result = 0;
  for (const double value : values_of(array)) {
    if (std::isfinite(value)) result = std::max(result, value);
  }
  return result;
}

/// NaN stands for prompts and blocks without a foreground.
Json describe_attention(const Profile& profile) {
  std::vector<double> blocks = values_of(array_of_shape(profile, "foreground_attention", {{-1}}));
  std::erase_if(blocks, [](double value) { return !std::isfinite(value); });
  if (blocks.empty()) return {{"prompts_with_a_foreground", 0}};
  const auto [low, high] = std::ranges::minmax(blocks);
  return {
      {"prompts_with_a_foreground", array_of_shape(profile, "foreground_attention.by_prompt", {{-1, -1, -1}}).size(0)},
      {"least_attending_block", low},
      {"most_attending_block", high}};
}

/// Of how many channels each solver is the best.
Json describe_solvers(const Profile& profile) {
  const at::Tensor best = array_of_shape(profile, "hyca.solver_error", {{-1, kMeasuredSolvers, -1}}).argmin(1);
  Json shares = Json::object();
  for (int solver = 0; solver < kMeasuredSolvers; ++solver) {
    shares[std::string(solver_name(static_cast<PoolSolver>(solver)))] =
        (best == solver).to(at::kDouble).mean().item<double>();
  }
  return {{"channels_by_best_solver", shares}};
}

Json describe_edges(const Profile& profile) {
  const std::vector<double> means = values_of(profile.array("edge_error"));
  const std::vector<double> deviations =
      values_of(array_of_shape(profile, "edge_error.std", {profile.array("edge_error").sizes().vec()}));
  std::vector<double> spread;
  for (std::size_t k = 0; k < means.size(); ++k) {
    if (std::isfinite(means[k]) && means[k] > 0) spread.push_back(deviations[k] / means[k]);
  }
  std::ranges::sort(spread);
  const std::int64_t prompts = array_of_shape(profile, "edge_error.by_prompt", {{-1, -1, -1}}).size(0);
  Json described = {{"prompts", prompts}, {"edges", spread.size()}};
  if (prompts > 1 && !spread.empty()) described["median_deviation_over_mean"] = spread[spread.size() / 2];
  return described;
}

}  // namespace

std::vector<ProfileCurve> profile_curves(const Profile& profile) {
  std::vector<ProfileCurve> curves;
  std::vector<std::string> names = {"residual_ratio", "stack_change", "block_change", "block_delta_change",
                                    "output_change"};
  for (const Indicator& indicator : kIndicators) names.push_back(fmt::format("indicator.{}", indicator.name));
  for (const std::string& name : names) add_branches(profile, name, curves);
  if (profile.has("foreground_attention.by_step")) {
    const at::Tensor by_step =
        array_of_shape(profile, "foreground_attention.by_step", {{-1, -1}}).nanmean(at::IntArrayRef{0});
    curves.push_back({"foreground_attention", "mean", values_of(by_step)});
  }
  add_edges(profile, curves);
  return curves;
}

Json profile_fits(const Profile& profile) {
  Json fits = Json::object();
  for (const Indicator& indicator : kIndicators) {
    const std::string name = fmt::format("teacache.{}", indicator.name);
    if (profile.has(name + ".r2")) fits[name] = {{"r2", array_of_shape(profile, name + ".r2", {{1}}).item<double>()}};
  }
  if (profile.has("residual_ratio.std") && profile.prompts > 1 && profile.run.steps > 1) {
    // The ratio of the first step is 1 by definition.
    const at::Tensor deviation =
        array_of_shape(profile, "residual_ratio.std", {{-1, profile.run.steps}}).narrow(1, 1, profile.run.steps - 1);
    fits["residual_ratio"] = {{"mean_deviation_over_prompts", deviation.mean().item<double>()},
                              {"largest", largest(deviation)}};
  }
  if (profile.has("foreground_attention")) fits["foreground_attention"] = describe_attention(profile);
  if (profile.has("hyca.solver_error")) fits["hyca.solver_error"] = describe_solvers(profile);
  if (profile.has("edge_error")) fits["edge_error"] = describe_edges(profile);
  return fits;
}

std::string sparkline(const std::vector<double>& values, std::size_t columns) {
  constexpr std::array kGlyphs = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const std::size_t count = std::min(columns, values.size());
  std::string text;
  for (std::size_t column = 0; column < count; ++column) {
    // Of the values that share a column the largest is shown.
    double shown = -std::numeric_limits<double>::infinity();
    for (std::size_t k = column * values.size() / count; k < (column + 1) * values.size() / count; ++k) {
      if (std::isfinite(values[k])) shown = std::max(shown, values[k]);
    }
    const double height = high > low ? (shown - low) / (high - low) : 0;
    const auto glyph = static_cast<std::size_t>(std::lround(height * (kGlyphs.size() - 1)));
    text += std::isfinite(shown) ? kGlyphs[glyph] : " ";
  }
  return text;
}

}  // namespace ditto
