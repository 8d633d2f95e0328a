// What every registered policy has to keep (caches/README.md). The suite is instantiated over the registry and names no
// policy: a new one is held to it by being registered.

#include <ATen/ops/isfinite.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "engine_run.h"
#include "policy_cases.h"
#include "solvers/solver.h"

namespace ditto::test {
namespace {

class Contract : public ::testing::TestWithParam<std::string> {
 protected:
  Result run(const std::string& specification, const Request& request = case_request(),
             const GenerateOptions& options = {}) const {
    return run_toy(toy_, request, {specification}, options);
  }
  Result full_compute() const { return run_toy(toy_, case_request(), {}); }
  /// Nothing where the run is refused.
  std::optional<Trace> trace_of(const std::string& specification) const {
    try {
      return run(specification).trace;
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  const PolicyEntry& entry_ = entry_of(GetParam());
  const std::string example_ = example_of(entry_);
  const ToyModel toy_;
};

/// Lower-case words of letters and digits joined by single underscores, a letter first.
bool is_spelled_as_name(const std::string& name) {
  const auto fits = [](char c) { return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '_'; };
  return !name.empty() && 'a' <= name.front() && name.front() <= 'z' && name.back() != '_' &&
         name.find("__") == std::string::npos && std::ranges::all_of(name, fits);
}

TEST_P(Contract, IsDescribed) {
  EXPECT_TRUE(is_spelled_as_name(entry_.name)) << entry_.name;
  EXPECT_FALSE(entry_.help.empty());
  for (const OptionSpec& option : entry_.options) {
    EXPECT_TRUE(is_spelled_as_name(option.name)) << option.name;
    EXPECT_GT(option.name.size(), 2U) << option.name << ": names are spelled out";
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_LE(option.minimum, option.maximum) << option.name;
  }
  EXPECT_NO_THROW(parse_policy(specification_of(entry_, {}))) << "defaults lie in their own range";
  EXPECT_NO_THROW(parse_policy(example_));
  EXPECT_EQ(parse_policy(parse_policy(example_).resolved()).resolved(), parse_policy(example_).resolved());
}

/// Otherwise the tests below would test nothing: `example` has to be a setting that acts in a dozen steps.
TEST_P(Contract, SavesWorkAtItsExample) {
  const Result result = run(example_);
  EXPECT_TRUE(at::isfinite(result.latents).all().item<bool>());
  if (entry_.options.empty()) return;  // full compute has nothing to set
  EXPECT_LT(result.counts.units_computed, result.units_total) << example_;
}

TEST_P(Contract, ComputesTheFirstStep) {
  const Trace trace = run(example_).trace;
  for (const TraceEvent& event : trace.events) {
    EXPECT_TRUE(event.step != trace.run.grid.nodes.front() || event.action == Action::kRecompute) << event.site;
  }
}

TEST_P(Contract, GivesEqualRunsEqualTraces) {
  const std::vector<PolicySpec> specification = {parse_policy(example_)};
  const auto generate_with = [&](std::uint64_t seed) {
    Request request = case_request();
    request.seed = seed;
    GenerateOptions options;
    options.decode = false;
    return generate(
        toy_, request, [&] { return make_policy(specification); }, options);
  };
  const Result first = generate_with(1);
  generate_with(2);  // must leave nothing behind
  const Result second = generate_with(1);
  EXPECT_TRUE(same_bits(first.latents, second.latents));
  EXPECT_EQ(first.trace.to_json_lines(), second.trace.to_json_lines());
}

/// What was given stays as it was written; the rest has the value it came to.
TEST_P(Contract, NamesTheValueOfEveryOptionInTheTrace) {
  for (const std::string& specification :
       {example_, specification_of(entry_, {}), specification_of(entry_, settings_of(entry_.disabled))}) {
    const std::optional<Trace> trace = trace_of(specification);
    if (!trace) continue;  // defaults may not be possible in so short a run
    const std::string& name = trace->run.policies.at(0);
    const Settings named = settings_of(name.substr(name.find(':') + 1));
    const PolicySpec parsed = parse_policy(specification);
    for (const auto& [option, value] : parsed.options.values()) {
      const std::string& in_trace = named.at(option);
      EXPECT_TRUE(value == kAutomatic ? in_trace != kAutomatic && !in_trace.empty() : in_trace == value) << name;
    }
  }
  EXPECT_TRUE(trace_of(example_));
}

TEST_P(Contract, IsFullComputeWhenSwitchedOff) {
  if (entry_.disabled.empty()) {
    EXPECT_TRUE(entry_.options.empty() || !files_for(entry_).empty()) << "say how the policy is switched off";
    return;
  }
  const Result full = full_compute();
  Settings settings = settings_of(entry_.example);
  for (const auto& [key, value] : settings_of(entry_.disabled)) settings[key] = value;
  for (const std::string& off :
       {specification_of(entry_, settings_of(entry_.disabled)), specification_of(entry_, settings)}) {
    const Result result = run(off);
    EXPECT_TRUE(same_bits(result.latents, full.latents)) << off;
    EXPECT_EQ(result.counts.units_computed, result.units_total) << off;
    EXPECT_EQ(result.cache_bytes_peak, 0) << off;
  }
}

TEST_P(Contract, IsReplayedToTheSameBits) {
  const auto path = std::filesystem::path(::testing::TempDir()) /
                    ("ditto-contract-" + entry_.name + "-" + std::to_string(getpid()) + ".jsonl");
  const Result original = run(example_);
  original.trace.write(path);
  Result replayed = run("replay:file=" + path.string());
  std::filesystem::remove(path);
  EXPECT_TRUE(same_bits(replayed.latents, original.latents));
  replayed.trace.run.policies = original.trace.run.policies;
  EXPECT_EQ(replayed.trace.to_json_lines(), original.trace.to_json_lines());
}

TEST_P(Contract, StaysInsideTheByteBudget) {
  const Result unlimited = run(example_);
  const std::int64_t peak = unlimited.cache_bytes_peak;
  for (const std::int64_t budget : {peak, peak - 1, 2 * peak / 3, peak / 5, std::int64_t{0}}) {
    if (budget < 0) continue;
    GenerateOptions options;
    options.engine.max_cache_bytes = budget;
    const Result result = run(example_, case_request(), options);
    EXPECT_LE(result.cache_bytes_peak, budget);
    EXPECT_TRUE(at::isfinite(result.latents).all().item<bool>());
    EXPECT_TRUE(budget < peak || same_bits(result.latents, unlimited.latents)) << "there was room for everything";
    if (budget > 0) continue;
    for (const TraceEvent& event : result.trace.events) EXPECT_EQ(event.action, Action::kRecompute) << event.reason;
  }
}

/// What a user would see of a setting: decisions with their scores, sites, steps, results, or an error.
std::string outcome_of(const std::string& specification) {
  try {
    Result result = run_toy(ToyModel(), case_request(), {specification});
    result.trace.run.policies.clear();
    const double sum = result.latents.to(at::kDouble).abs().sum().item<double>();
    return result.trace.to_json_lines() + std::to_string(sum);
  } catch (const Error& error) {
    return error.what();
  }
}

/// Values an option may have besides the present one.
std::vector<std::string> other_values(const OptionSpec& option, const std::string& present) {
  std::vector<std::string> values = option.choices;
  const auto add = [&](double value, bool whole) {
    value = std::clamp(value, option.minimum, option.maximum);
    values.push_back(whole ? std::to_string(std::llround(value)) : std::to_string(value));
  };
  const double now = std::atof(present.c_str());
  switch (option.type) {
    case OptionType::kFlag:
      values = {"true", "false"};
      break;
    case OptionType::kInteger:
      for (const double value : {now + 1, now - 1, 2.0, 3.0, 5.0, 8.0, option.minimum, 100.0}) add(value, true);
      break;
    case OptionType::kNumber:
      for (const double value : {2 * now, now / 2, 0.0, 0.01, 0.1, 0.5, 0.9, 2.0, 10.0, 1000.0}) add(value, false);
      break;
    case OptionType::kText:
      if (values.empty()) values = {"no/such/value"};
      break;
  }
  std::erase(values, present);
  return values;
}

TEST_P(Contract, HasNoOptionWithoutEffect) {
  const std::string at_example = outcome_of(example_);
  const std::string at_default = outcome_of(specification_of(entry_, {}));
  for (const OptionSpec& option : entry_.options) {
    Settings settings = settings_of(entry_.example);
    settings.merge(files_for(entry_));
    const std::string present = settings.contains(option.name) ? settings[option.name] : option.default_value;
    bool has_effect = false;
    for (const std::string& value : other_values(option, present)) {
      settings[option.name] = value;
      has_effect = outcome_of(specification_of(entry_, settings)) != at_example ||
                   outcome_of(specification_of(entry_, {{option.name, value}})) != at_default;
      if (has_effect) break;
    }
    EXPECT_TRUE(has_effect) << option.name << " changes nothing about " << example_;
  }
}

TEST_P(Contract, DoesAsItsRehearsalSays) {
  const std::unique_ptr<CachePolicy> policy = factory_of({example_})();
  const RunOutline outlined = outline(toy_, case_request(), *policy);
  const Result result = run(example_);
  EXPECT_EQ(outlined.grid.nodes, result.trace.run.grid.nodes);
  EXPECT_LE(outlined.units.least, result.counts.units_computed);
  EXPECT_GE(outlined.units.most, result.counts.units_computed);
  EXPECT_GE(outlined.cache_bytes, result.cache_bytes_peak);
  for (const RehearsedSite& site : outlined.decisions) {
    const std::string& name = outlined.plan.sites[static_cast<std::size_t>(site.site)].name;
    const std::string ran = result.trace.pattern(name, site.branch);
    for (std::size_t k = 0; k < site.pattern.size(); ++k) {
      const char letter = ran[static_cast<std::size_t>(outlined.grid.nodes[k])];
      EXPECT_TRUE(site.pattern[k] == '?' || site.pattern[k] == letter)
          << name << ": " << site.pattern << " against " << ran;
    }
  }
}

TEST_P(Contract, DoesNotSeeWhetherBranchesAreBatched) {
  GenerateOptions one_by_one;
  one_by_one.engine.max_batched_tokens = 0;
  const Result batched = run(example_), separate = run(example_, case_request(), one_by_one);
  EXPECT_TRUE(same_bits(batched.latents, separate.latents));
  EXPECT_EQ(batched.trace.to_json_lines(), separate.trace.to_json_lines());
}

TEST_P(Contract, RunsWithoutGuidanceUnlessItsFileForbids) {
  Request request = case_request();
  request.guidance = 1.0;
  try {
    const Result result = run(example_, request);
    EXPECT_EQ(result.trace.run.branches, std::vector<Branch>{Branch::kConditional});
    for (const TraceEvent& event : result.trace.events) EXPECT_EQ(event.branch, Branch::kConditional);
    EXPECT_TRUE(at::isfinite(result.latents).all().item<bool>());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInputFile) << error.what();
    EXPECT_FALSE(files_for(entry_).empty()) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, Contract, ::testing::ValuesIn(policy_names()),
                         [](const auto& info) { return info.param; });

/// Latents are prescribed here, so that branches meet nowhere but in the policy.
class ContractOfBranches : public Contract {
 protected:
  EngineRun run_branches(const std::vector<Branch>& branches, const std::string& conditional,
                         const std::string& unconditional) const {
    const Model& model = toy_.denoiser();
    const std::unique_ptr<CachePolicy> policy = factory_of({example_})();
    const std::unique_ptr<Solver> solver = make_solver("euler", {.shift = *case_request().shift});
    policy->begin(model.topology(), run_info(branches));
    const StepGrid grid = policy->shape_grid(solver->full_grid(kCaseSteps));
    EngineSetup setup{branches, {toy_.encode_text(conditional)}};
    if (branches.size() > 1) setup.text.push_back(toy_.encode_text(unconditional));
    for (int k = 0; k < grid.size(); ++k) {
      const double sigma = grid.sigmas[static_cast<std::size_t>(k)];
      setup.schedule.push_back(
          {k, grid.size(), grid.nodes[static_cast<std::size_t>(k)], kCaseSteps, solver->timestep(sigma), sigma});
    }
    const at::Tensor noise = draw_noise(1, {1, 4, 2, 2, 2}), picture = draw_noise(2, {1, 4, 2, 2, 2});
    const auto latent = [&](int step, const EngineRun&) {
      const double sigma = setup.schedule[static_cast<std::size_t>(step)].sigma;
      return noise.mul(sigma).add(picture, 1 - sigma);
    };
    return run_engine(model, *policy, grid.size(), latent, setup);
  }

  /// Everything decided in one branch, a line a decision.
  static std::string decisions(const EngineRun& run, Branch branch) {
    Trace trace;
    for (const TraceEvent& event : run.events) {
      if (event.branch == branch) trace.events.push_back(event);
    }
    return trace.to_json_lines();
  }

  /// The actions in one branch, in the order in which they were taken.
  static std::string letters(const EngineRun& run, Branch branch) {
    std::string text;
    for (const TraceEvent& event : run.events) {
      if (event.branch == branch) text += event.action == Action::kBlend ? 'B' : 'C';
    }
    return text;
  }

  static void expect_equal_predictions(const EngineRun& a, const EngineRun& b, std::size_t branch) {
    for (std::size_t step = 0; step < a.predictions.size(); ++step) {
      EXPECT_TRUE(same_bits(a.predictions[step][branch], b.predictions[step][branch])) << "step " << step;
    }
  }

 private:
  static RunInfo run_info(const std::vector<Branch>& branches) {
    RunInfo info;
    info.solver = "euler";
    info.shift = *case_request().shift;
    info.guidance = branches.size() > 1 ? 2.0 : 1.0;
    info.steps = kCaseSteps;
    info.width = info.height = 16;
    info.frames = 5;
    info.branches = branches;
    return info;
  }
};

/// Nothing of the unconditional branch enters what the conditional one decides and predicts. Where one decision is made
/// from the features of both, it is the same for both.
TEST_P(ContractOfBranches, ConditionalDecidesAndPredictsAsIfItWereAlone) {
  const EngineRun both = run_branches(kBothBranches, "a red circle", "blur");
  if (entry_.decides_jointly) {
    EXPECT_EQ(letters(both, Branch::kConditional), letters(both, Branch::kUnconditional));
    return;
  }
  const EngineRun other = run_branches(kBothBranches, "a red circle", "something else");
  EXPECT_EQ(decisions(both, Branch::kConditional), decisions(other, Branch::kConditional));
  expect_equal_predictions(both, other, 0);
  if (!files_for(entry_).empty()) return;  // made for two branches
  const EngineRun alone = run_branches({Branch::kConditional}, "a red circle", "");
  EXPECT_EQ(decisions(both, Branch::kConditional), decisions(alone, Branch::kConditional));
  expect_equal_predictions(both, alone, 0);
}

/// The conditional branch may decide for both, and a branch delta stands on its prediction; beyond that, nothing of it
/// may enter the unconditional prediction.
TEST_P(ContractOfBranches, UnconditionalPredictsFromItsOwnFeatures) {
  const EngineRun both = run_branches(kBothBranches, "a red circle", "blur");
  const EngineRun other = run_branches(kBothBranches, "a red circlf", "blur");
  ASSERT_FALSE(same_bits(both.predictions[0][0], other.predictions[0][0]));
  EXPECT_EQ(letters(both, Branch::kUnconditional), letters(other, Branch::kUnconditional))
      << "a slightly different prompt is to decide alike";
  const std::vector<Site> sites = run(example_).trace.run.sites;
  const auto is_branch_delta = [](const Site& site) { return site.form == FeatureForm::kBranchDelta; };
  if (std::ranges::none_of(sites, is_branch_delta)) expect_equal_predictions(both, other, 1);
}

INSTANTIATE_TEST_SUITE_P(Policies, ContractOfBranches, ::testing::ValuesIn(policy_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ditto::test
