// Whatever a policy answers, a run ends, its trace tells what happened, and the trace replayed gives the same bits.

#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include <ATen/ops/isfinite.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include "toy_support.h"

namespace ditto::test {
namespace {

using Random = std::mt19937;

int draw(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }

/// Sites nested at random: each range is a site or not, then falls into parts.
void add_sites(Random& random, int begin, int end, std::vector<Site>& sites) {
  if (draw(random, 0, 2) > 0) {
    const bool one_unit = end - begin == 1;
    const std::vector<FeatureForm> forms = {FeatureForm::kDelta, FeatureForm::kState, FeatureForm::kOutput};
    const FeatureForm form = forms[static_cast<std::size_t>(draw(random, 0, one_unit ? 2 : 1))];
    sites.push_back({"site" + std::to_string(sites.size()), Scope::kUnits, begin, end, form, draw(random, 1, 3)});
    if (draw(random, 0, 3) == 0) sites.back().cluster_of_channel = {0, 1, 1, 0};
  }
  if (end - begin < 2) return;
  const int middle = draw(random, begin + 1, end - 1);
  add_sites(random, begin, middle, sites);
  if (draw(random, 0, 3) > 0) add_sites(random, middle, end, sites);
}

Plan random_plan(Random& random, int units) {
  Plan plan;
  add_sites(random, 0, units, plan.sites);
  if (draw(random, 0, 3) == 0) plan.sites.push_back(prediction_site(FeatureForm::kDelta, 2));
  if (draw(random, 0, 3) == 0) plan.sites.push_back(prediction_site(FeatureForm::kBranchDelta));
  if (draw(random, 0, 1) == 0 && !plan.sites.empty() && plan.sites.back().scope == Scope::kPrediction) {
    plan.sites.back().split = Split::kFrequencyBands;
  }
  std::ranges::shuffle(plan.sites, random);
  for (int probe = draw(random, 0, 2); probe > 0; --probe) plan.probes.push_back({draw(random, -1, units - 1)});
  if (draw(random, 0, 1) == 0) plan.signals = {Signal::kModulatedInput, Signal::kTimeEmbedding};
  return plan;
}

Decision random_decision(Random& random) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<float>> weights = {
      {1},        {1}, {0.5F}, {2, -1},       {1, 0},         {0.5F, 1}, {1, 1, 0.5F, -0.5F}, {0.5F, 0.25F, 0.25F},
      {3, -3, 1}, {},  {kNan}, {1, INFINITY}, {1, 1, 1, 1, 1}};
  const std::vector<std::optional<double>> scores = {{}, 0.0, 0.5, -1.0, double{kNan}, double{INFINITY}};
  Decision decision;
  decision.action = draw(random, 0, 2) == 0 ? Action::kRecompute : Action::kBlend;
  decision.weights = weights[static_cast<std::size_t>(draw(random, 0, static_cast<int>(weights.size()) - 1))];
  decision.score = scores[static_cast<std::size_t>(draw(random, 0, static_cast<int>(scores.size()) - 1))];
  decision.shadow = draw(random, 0, 3) == 0;
  decision.reason = "random";
  return decision;
}

/// Touches whatever there is to see, and remembers some of it.
void look_around(Random& random, const DecisionPoint& point, const Plan& plan) {
  std::vector<at::Tensor> seen = {point.evidence.hidden(), point.latent, point.evidence.recall("seen")};
  for (std::size_t probe = 0; probe < plan.probes.size(); ++probe) {
    seen.push_back(point.evidence.probe(static_cast<int>(probe)));
  }
  for (const Signal signal : plan.signals) seen.push_back(point.evidence.signal(signal));
  point.evidence.remember("seen", seen[static_cast<std::size_t>(draw(random, 0, static_cast<int>(seen.size()) - 1))]);
}

/// Jumps over some nodes, but for the first.
StepGrid random_grid(Random& random, const StepGrid& grid) {
  StepGrid visited;
  for (std::size_t k = 0; k < grid.nodes.size(); ++k) {
    if (draw(random, 0, 4) == 0 && k > 0 && k + 1 < grid.nodes.size()) continue;
    visited.nodes.push_back(grid.nodes[k]);
    visited.sigmas.push_back(grid.sigmas[k]);
  }
  visited.sigmas.push_back(grid.sigmas.back());
  return visited;
}

class RandomPolicy : public CachePolicy {
 public:
  RandomPolicy(std::uint32_t seed, bool jumps) : random_(seed), grid_seed_(seed), jumps_(jumps) {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    return plan_ = random_plan(random_, topology.unit_count());
  }
  Decision decide(const DecisionPoint& point) override {
    look_around(random_, point, plan_);
    return random_decision(random_);
  }
  void observe(const DecisionPoint& point, const Feature& fresh, const Feature* shadow) override {
    EXPECT_TRUE(fresh.defined());
    EXPECT_TRUE(shadow == nullptr || shadow->video.sizes() == fresh.video.sizes());
    look_around(random_, point, plan_);
  }
  StepGrid shape_grid(StepGrid grid) const override {
    Random random(grid_seed_);
    return jumps_ ? random_grid(random, grid) : grid;
  }

 private:
  Random random_;
  std::uint32_t grid_seed_;
  bool jumps_;
  Plan plan_;
};

bool covers(const Site& site, int unit) {
  return site.scope == Scope::kPrediction || (site.begin <= unit && unit < site.end);
}

/// Units that ran according to the trace: those that no blended site covers.
std::int64_t computed_by_trace(const Trace& trace) {
  std::int64_t computed = 0;
  for (const int node : trace.run.grid.nodes) {
    for (const Branch branch : trace.run.branches) {
      for (int unit = 0; unit < trace.run.units; ++unit) {
        const bool blended = std::ranges::any_of(trace.events, [&](const TraceEvent& event) {
          const auto site = std::ranges::find(trace.run.sites, event.site, &Site::name);
          return event.step == node && event.branch == branch && event.action == Action::kBlend && covers(*site, unit);
        });
        if (!blended) ++computed;
      }
    }
  }
  return computed;
}

Request small_request() {
  Request request = toy_request(7);
  request.width = request.height = 8;
  return request;
}

constexpr int kSeedsPerTest = 20;

class RandomDecisions : public ::testing::TestWithParam<int> {};

TEST_P(RandomDecisions, NeverBreakARunAndAreReplayedToTheSameBits) {
  const int block = GetParam();
  const auto trace_path = std::filesystem::path(::testing::TempDir()) /
                          ("ditto-random-" + std::to_string(block) + "-" + std::to_string(getpid()) + ".jsonl");
  const ToyModel toy;
  for (int seed = kSeedsPerTest * block; seed < kSeedsPerTest * (block + 1); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    GenerateOptions options;
    options.decode = false;
    options.engine.max_batched_tokens = seed % 2 == 0 ? 2048 : 0;
    const std::int64_t feature_bytes = 2 * 4 * 4;
    if (seed % 3 == 0) options.engine.max_cache_bytes = feature_bytes * (seed % 8);
    Request request = small_request();
    if (seed % 5 == 0) request.guidance = 1.0;
    const auto policy = [&] { return std::make_unique<RandomPolicy>(static_cast<std::uint32_t>(seed), seed % 4 == 0); };

    const Result result = generate(toy, request, policy, options);
    EXPECT_TRUE(at::isfinite(result.latents).all().item<bool>());
    EXPECT_EQ(result.counts.units_computed, computed_by_trace(result.trace));
    EXPECT_LE(result.cache_bytes_peak, options.engine.max_cache_bytes);

    result.trace.write(trace_path);
    // Without the policy's own tensors a budget would be spent on other features: the replay has none.
    options.engine.max_cache_bytes = std::numeric_limits<std::int64_t>::max();
    const Result replayed = run_toy(toy, request, {"replay:file=" + trace_path.string()}, options);
    EXPECT_TRUE(same_bits(replayed.latents, result.latents));
    ASSERT_EQ(replayed.trace.events.size(), result.trace.events.size());
    EXPECT_EQ(replayed.counts.units_computed, result.counts.units_computed);
  }
  std::filesystem::remove(trace_path);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomDecisions, ::testing::Range(0, 10));

}  // namespace
}  // namespace ditto::test
