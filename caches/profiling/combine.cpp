#include "caches/profiling/combine.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/std.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "caches/profiling/indicator.h"
#include "caches/profiling/polynomial_fit.h"
#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

constexpr std::string_view kByRun = ".by_prompt";
constexpr std::string_view kMask = "foreground_mask";
constexpr std::string_view kEdges = "edge_error.by_prompt";
constexpr int kPolynomialDegree = 4;

/// Steps before this one, in parts of the run, say little of what a block attends to.
constexpr int kEarlySteps = 6, kOfSteps = 50;

std::vector<ProfileArray> make_table() {
  std::vector<ProfileArray> table;
  const auto add = [&](std::string name, ArrayRule rule, std::string_view axes, std::string_view meaning) {
    table.push_back({std::move(name), rule, axes, meaning});
  };
  const auto with_runs = [&](const std::string& name, std::string_view axes, std::string_view axes_by_run,
                             std::string_view meaning) {
    add(name, ArrayRule::kDerived, axes, meaning);
    add(name + std::string(kByRun), ArrayRule::kByRun, axes_by_run, "the same of every prompt");
  };
  with_runs("residual_ratio", "branch, step", "prompt, branch, step",
            "mean over tokens of |r| / |r of the step before|, r what all units add");
  add("residual_ratio.std", ArrayRule::kDerived, "branch, step", "its deviation over the prompts");
  add("stack_change", ArrayRule::kMean, "branch, step", "relative L1 change of what all units add");
  add("block_change", ArrayRule::kMean, "branch, block, step", "relative L1 change of a block's output state");
  add("block_delta_change", ArrayRule::kMean, "branch, block, step", "relative L1 change of what a block adds");
  with_runs("output_change", "branch, step", "prompt, branch, step", "relative L1 change of a branch's prediction");
  for (const Indicator& indicator : kIndicators) {
    with_runs(fmt::format("indicator.{}", indicator.name), "branch, step", "prompt, branch, step",
              "relative L1 change of the indicator");
    add(fmt::format("teacache.{}", indicator.name), ArrayRule::kDerived, "coefficient",
        "polynomial from the indicator's change to the output's, highest power first");
    add(fmt::format("teacache.{}.r2", indicator.name), ArrayRule::kDerived, "1", "share of the variance it explains");
  }
  add(std::string(kMask), ArrayRule::kByRun, "prompt, frame, height, width", "tokens that show the foreground");
  add("foreground_attention", ArrayRule::kDerived, "block",
      "share of foreground tokens that receive more attention than the average token");
  add("foreground_attention.by_step", ArrayRule::kDerived, "block, step", "the same by step");
  add("foreground_attention.by_prompt", ArrayRule::kByRun, "prompt with a foreground, block, step",
      "the same of every prompt");
  add("hyca.descriptors", ArrayRule::kMean, "block, channel, descriptor", "how a channel of what a block adds evolves");
  add("hyca.solver_error", ArrayRule::kMean, "block, solver, channel", "mean square error of a solver's next step");
  add("gram", ArrayRule::kByRun, "prompt, 2 steps + 1, 2 steps + 1",
      "inner products of x_0 .. x_T, m_0 .. m_(T-1) divided by their size");
  add("stack_gram", ArrayRule::kMean, "branch, step, step",
      "inner products of last hidden states divided by their size");
  add("stack_delta_gram", ArrayRule::kMean, "branch, step, step", "the same of what all units add");
  add("stack_delta_error", ArrayRule::kMean, "branch, step, step", "mean absolute difference of what all units add");
  add("edge_error", ArrayRule::kDerived, "step, steps to the next computed one",
      "mean absolute error of the final latent when the steps in between reuse");
  add("edge_error.max", ArrayRule::kDerived, "step, steps to the next computed one", "its maximum over the prompts");
  add("edge_error.std", ArrayRule::kDerived, "step, steps to the next computed one", "its deviation over the prompts");
  add(std::string(kEdges), ArrayRule::kByRun, "prompt with edges, step, steps to the next computed one",
      "the same of every prompt");
  return table;
}

const ProfileArray* find_array(std::string_view name) {
  const auto table = profile_arrays();
  const auto it = std::ranges::find(table, name, &ProfileArray::name);
  return it == table.end() ? nullptr : &*it;
}

[[noreturn]] void refuse(const Profile& profile, const std::string& what, const std::string& accepted) {
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: {}; accepted: {}", printable(profile.path.string()), what, accepted));
}

/// The arrays to join; every profile holds them, or they are edges.
std::set<std::string> common_arrays(std::span<const Profile> profiles) {
  std::set<std::string> names;
  for (const Profile& profile : profiles) {
    for (const auto& [name, array] : profile.arrays) {
      const ProfileArray* known = find_array(name);
      if (known == nullptr) refuse(profile, fmt::format("holds '{}', which is not known", printable(name)), "profiles");
      if (known->rule != ArrayRule::kDerived) names.insert(name);
    }
  }
  for (const Profile& profile : profiles) {
    for (const std::string& name : names) {
      if (name != kEdges && !profile.has(name)) {
        refuse(profile, fmt::format("holds no '{}', which another has", name), "profiles of the same measurements");
      }
    }
  }
  return names;
}

void check_axes(const Profile& profile, const at::Tensor& array, const Profile& other, const at::Tensor& expected,
                const std::string& name, std::int64_t first_axis) {
  const auto axes = array.sizes().slice(static_cast<std::size_t>(first_axis));
  const auto wanted = expected.sizes().slice(static_cast<std::size_t>(first_axis));
  if (array.dim() == expected.dim() && array.scalar_type() == expected.scalar_type() && axes == wanted) return;
  refuse(profile,
         fmt::format("'{}' is [{}], in {} it is [{}]", name, fmt::join(array.sizes(), ","),
                     printable(other.path.string()), fmt::join(expected.sizes(), ",")),
         "profiles of the same measurements");
}

/// The size an axis of the table must have; none where the array alone says it.
std::optional<std::int64_t> axis_size(const Profile& profile, std::string_view axis) {
  if (axis == "branch") return static_cast<std::int64_t>(profile.run.branches.size());
  if (axis == "step") return profile.run.steps;
  if (axis == "2 steps + 1") return 2 * profile.run.steps + 1;
  return std::nullopt;
}

/// What is computed of an array relies on its table entry.
void check_meaning(const Profile& profile, const ProfileArray& known) {
  const at::Tensor& array = profile.array(known.name);
  std::vector<std::string> axes;
  bool fits = true;
  for (std::size_t begin = 0; begin <= known.axes.size();) {
    const std::size_t end = std::min(known.axes.find(", ", begin), known.axes.size());
    axes.emplace_back(known.axes.substr(begin, end - begin));
    begin = end + 2;
  }
  for (std::size_t k = 0; k < axes.size() && fits; ++k) {
    const auto at = static_cast<std::int64_t>(k);
    fits = at < array.dim() && axis_size(profile, axes[k]).value_or(array.size(at)) == array.size(at);
  }
  const bool numbers = known.name == kMask || array.scalar_type() == at::kDouble;
  if (fits && numbers && array.dim() == static_cast<std::int64_t>(axes.size())) return;
  refuse(profile, fmt::format("'{}' is {} [{}]", known.name, array.dtype().name(), fmt::join(array.sizes(), ",")),
         fmt::format("double [{}] of {} steps and {} branches", known.axes, profile.run.steps,
                     profile.run.branches.size()));
}

at::Tensor join(std::span<const Profile> profiles, const std::string& name, ArrayRule rule) {
  std::vector<at::Tensor> parts;
  const Profile* first = nullptr;
  int runs = 0;
  for (const Profile& profile : profiles) {
    if (!profile.has(name)) continue;
    check_meaning(profile, *find_array(name));
    const at::Tensor& array = profile.array(name);
    if (first == nullptr) first = &profile;
    check_axes(profile, array, *first, first->array(name), name, rule == ArrayRule::kByRun ? 1 : 0);
    runs += profile.prompts;
    parts.push_back(rule == ArrayRule::kByRun ? array : array * profile.prompts);
  }
  return rule == ArrayRule::kByRun ? at::cat(parts) : at::stack(parts).sum(0) / runs;
}

at::Tensor deviation(const at::Tensor& by_run) { return by_run.std(/*dim=*/at::IntArrayRef{0}, /*unbiased=*/false); }

std::span<const double> numbers_of(const at::Tensor& contiguous) {
  return {contiguous.const_data_ptr<double>(), static_cast<std::size_t>(contiguous.numel())};
}

void derive_indicators(Profile& profile) {
  if (!profile.has("output_change.by_prompt")) return;
  const at::Tensor output = profile.array("output_change.by_prompt").contiguous();
  profile.arrays["output_change"] = output.mean({0});
  for (const Indicator& indicator : kIndicators) {
    const std::string name = fmt::format("indicator.{}", indicator.name);
    const at::Tensor changes = profile.array(name + std::string(kByRun)).contiguous();
    profile.arrays[name] = changes.mean({0});
    const PolynomialFit fit = fit_polynomial(numbers_of(changes), numbers_of(output), kPolynomialDegree);
    const std::string polynomial = fmt::format("teacache.{}", indicator.name);
    profile.arrays[polynomial] = at::tensor(fit.coefficients, at::kDouble);
    profile.arrays[polynomial + ".r2"] = at::tensor(std::vector{fit.r2}, at::kDouble);
  }
}

void derive(Profile& profile) {
  if (profile.has("residual_ratio.by_prompt")) {
    const at::Tensor& ratios = profile.array("residual_ratio.by_prompt");
    profile.arrays["residual_ratio"] = ratios.mean({0});
    profile.arrays["residual_ratio.std"] = deviation(ratios);
  }
  derive_indicators(profile);
  if (profile.has("foreground_attention.by_prompt")) {
    // The mean over no prompt is NaN: not measured.
    const at::Tensor by_step = profile.array("foreground_attention.by_prompt").mean({0});
    const std::int64_t first = by_step.size(1) * kEarlySteps / kOfSteps;
    profile.arrays["foreground_attention.by_step"] = by_step;
    profile.arrays["foreground_attention"] = by_step.narrow(1, first, by_step.size(1) - first).mean({1});
  }
  if (profile.has(kEdges)) {
    const at::Tensor& edges = profile.array(kEdges);
    profile.arrays["edge_error"] = edges.mean({0});
    profile.arrays["edge_error.max"] = edges.amax({0});
    profile.arrays["edge_error.std"] = deviation(edges);
  }
}

}  // namespace

std::span<const ProfileArray> profile_arrays() {
  static const std::vector<ProfileArray> kTable = make_table();
  return kTable;
}

Profile combine(std::span<const Profile> profiles) {
  const c10::InferenceMode inference;
  Profile combined;
  combined.path = profiles.front().path;
  combined.model = profiles.front().model;
  combined.units = profiles.front().units;
  combined.run = profiles.front().run;
  combined.sigmas = profiles.front().sigmas;
  combined.version = profiles.front().version;
  combined.dtype = profiles.front().dtype;
  for (const Profile& profile : profiles) {
    profile.require_same(profiles.front());
    if (profile.dtype != combined.dtype) {
      refuse(profile,
             fmt::format("measured in {}, {} in {}", profile.dtype, printable(combined.path.string()), combined.dtype),
             "profiles of one dtype");
    }
    combined.prompts += profile.prompts;
  }
  for (const std::string& name : common_arrays(profiles)) {
    combined.arrays[name] = join(profiles, name, find_array(name)->rule);
  }
  derive(combined);
  return combined;
}

}  // namespace ditto
