#include "caches/adacache.h"

#include <cmath>
#include <memory>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/adacache_codebook.h"
#include "caches/motion.h"
#include "models/toy/toy_model.h"
#include "policy_run.h"
#include "runtime/rehearsal.h"
#include "tolerances.h"

namespace ditto {
namespace {

using namespace test;

const std::vector<std::string> kKinds = {"self_attention", "cross_attention", "feed_forward"};
constexpr const char* kAttention = "blocks.0.self_attention";
constexpr const char* kRest = "blocks.0.cross_attention-blocks.0.feed_forward";

/// A block whose attention has changed by the fraction `change` for every step since it was computed last.
ScriptedModel with_change(double change) {
  struct State {
    int step = 0;
    double value = 1;
  };
  Script script;
  script.kinds = kKinds;
  script.output = [change, state = std::make_shared<State>()](int unit, int step, int, const at::Tensor& hidden) {
    if (unit != 0) return at::full_like(hidden, 2);
    state->value *= 1 + change * (step - state->step);
    state->step = step;
    return at::full_like(hidden, state->value);
  };
  return ScriptedModel(script);
}

/// Computed steps counted from 1, as the paper does.
std::vector<int> active(const PolicyRun& run, const char* site = kAttention) {
  std::vector<int> steps = steps_of(run.pattern(site), 'C');
  for (int& step : steps) ++step;
  return steps;
}

TEST(AdaCache, FollowsThePublishedCodebooks) {
  const ScriptedModel ten_percent = with_change(0.1);
  EXPECT_EQ(active(run_policy(ten_percent, "adacache", 30)), (std::vector<int>{1, 2, 7, 12, 17, 22, 27, 29, 30}));
  const ScriptedModel again = with_change(0.1);
  const std::vector<int> slow = active(run_policy(again, "adacache:codebook=slow", 30));
  EXPECT_EQ(slow, (std::vector<int>{1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 29, 30}));
  const ScriptedModel six_percent = with_change(0.06);
  EXPECT_EQ(active(run_policy(six_percent, "adacache:codebook=long", 100)),
            (std::vector<int>{1, 2, 10, 18, 26, 34, 42, 50, 58, 66, 74, 82, 90, 98, 99, 100}));
}

TEST(AdaCache, ComputesAllSitesTogether) {
  const PolicyRun run = run_policy(with_change(0.1), "adacache", 30);
  EXPECT_EQ(active(run, kRest), active(run, kAttention));
}

TEST(AdaCache, ComputesAWindowAtBothEnds) {
  EXPECT_EQ(active(run_policy(with_change(0.1), "adacache:first=4,last=1", 12)), (std::vector<int>{1, 2, 3, 4, 9, 12}));
}

TEST(AdaCache, TakesACodebookOfTheUsers) {
  EXPECT_EQ(active(run_policy(with_change(0.1), "adacache:codebook=0.05:9/0.2:4/1", 14)),
            (std::vector<int>{1, 2, 6, 10, 13, 14}));
  const AdaCacheCodebook codebook = adacache_codebook("0.05:9/0.2:4/2", {});
  EXPECT_EQ(codebook.rate(0.04), 9);
  EXPECT_EQ(codebook.rate(0.05), 4);
  EXPECT_EQ(codebook.rate(0.2), 2);
  EXPECT_EQ(codebook.rate(std::nan("")), 1);
  EXPECT_THROW(adacache_codebook("0.5:2147483647/1", {}), Error) << "more steps than any run has";
}

TEST(AdaCache, MeasuresTheMiddleBlockUnlessToldOtherwise) {
  Script script;
  script.blocks = 3;
  script.kinds = kKinds;
  // Only the attention of the last block changes.
  script.output = [](int unit, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, unit == 6 ? std::pow(3.0, step) : 1);
  };
  const ScriptedModel model(script);
  EXPECT_EQ(active(run_policy(model, "adacache", 12)), (std::vector<int>{1, 2, 8, 11, 12}));
  EXPECT_EQ(active(run_policy(model, "adacache:metric_block=2", 12)).size(), 12u);
}

TEST(AdaCache, PrefersAttentionOverTimeInTheMiddle) {
  Script script;
  script.blocks = 4;
  script.output = [](int unit, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, unit == 1 ? std::pow(3.0, step) : 1);
  };
  // Blocks attend over space and over time in turn: of the temporal blocks 1 and 3, the measured one is block 1.
  class Factorised : public ScriptedModel {
   public:
    explicit Factorised(Script script) : ScriptedModel(std::move(script)), topology_(ScriptedModel::topology()) {
      for (UnitInfo& unit : topology_.units) {
        unit.kind = unit.block % 2 == 0 ? "spatial_self_attention" : "temporal_self_attention";
      }
    }
    const Topology& topology() const override { return topology_; }

   private:
    Topology topology_;
  };
  const PolicyRun run = run_policy(Factorised(script), "adacache", 8);
  EXPECT_EQ(run.pattern(), "CCCCCCCC");
}

TEST(AdaCache, LetsTheConditionalBranchDecideForBoth) {
  Script script;
  script.kinds = kKinds;
  script.output = [](int unit, int step, int branch, const at::Tensor& hidden) {
    return at::full_like(hidden, unit == 0 && branch == 1 ? std::pow(3.0, step) : 1);
  };
  const PolicyRun run = run_policy(ScriptedModel(script), "adacache", 8, {.branches = kTwoBranches});
  EXPECT_EQ(run.pattern(kAttention, Branch::kConditional), "CCRRRRCC");
  EXPECT_EQ(run.pattern(kAttention, Branch::kUnconditional), "CCRRRRCC");
}

TEST(AdaCache, IsExactWhenBlocksAddConstants) {
  Script script;
  script.blocks = 2;
  script.kinds = kKinds;
  script.output = [](int unit, int, int, const at::Tensor& hidden) { return at::full_like(hidden, unit + 1); };
  const ScriptedModel model(script);
  const PolicySetup setup{.latent = [](int step) { return latent_of({0.5F * step}); }};
  const PolicyRun full = run_policy(model, "none", 20, setup);
  const PolicyRun cached = run_policy(model, "adacache", 20, setup);
  EXPECT_EQ(active(cached), (std::vector<int>{1, 2, 8, 14, 19, 20}));
  for (std::size_t step = 0; step < 20; ++step) {
    EXPECT_TRUE(same_bits(cached.predictions[step][0], full.predictions[step][0])) << step;
  }
}

TEST(Motion, ComparesNeighbouringFrames) {
  // Frames (1, 2), (3, -1), (3, 0): differences 2 + 3 + 0 + 1, sizes 4 + 3 and 3 + 4.
  const at::Tensor feature = at::tensor({1.0F, 2.0F, 3.0F, -1.0F, 3.0F, 0.0F}).reshape({1, 6, 1});
  EXPECT_NEAR(frame_motion(feature, 3), 6.0 / 14, tolerance::kClosedForm);
}

/// Two frames of one token: the attention has `left` in the first frame, grown by a tenth per step, and `right` times
/// that in the second.
class TwoFrames : public ScriptedModel {
 public:
  explicit TwoFrames(double right) : ScriptedModel(script()), right_(right) {}
  Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                    std::vector<int> rows) const override {
    return {{latent.reshape({1, 2, 1}).clone(), {}}, std::move(rows), step, &context};
  }
  Feature run_unit(int unit, const Activations& activations) const override {
    const double left = unit == 0 ? 1 + 0.1 * activations.step : 1;
    return {at::tensor({left, left * right_}, at::kFloat).reshape({1, 2, 1}), {}};
  }
  at::Tensor project(const Activations& activations) const override {
    return activations.hidden.video.reshape({1, 1, 2, 1, 1}).clone();
  }

 private:
  static Script script() {
    Script script;
    script.kinds = kKinds;
    return script;
  }
  double right_;
};

TEST(AdaCache, WeighsTheChangeByMotion) {
  const PolicySetup setup{.latent = [](int) { return at::full({1, 1, 2, 1, 1}, 0.0); }};
  const auto events = [&](double right, const std::string& options) {
    std::vector<TraceEvent> found;
    for (const TraceEvent& event : run_policy(TwoFrames(right), "adacache" + options, 10, setup).events) {
      if (event.site == kAttention) found.push_back(event);
    }
    return found;
  };
  // (2.25 - 1) / (2.25 + 1) = 0.3846 of motion is about the published scale 0.385.
  const double motion = std::pow(1.25 / 3.25 / 0.385, 8);
  EXPECT_NEAR(*events(2.25, "")[2].score, 0.1, tolerance::kUnitFloat32);
  EXPECT_NEAR(*events(2.25, ":motion=true")[2].score, 0.1 * (motion + 10 * (1 - motion)), tolerance::kUnitFloat32);
  // Without motion between the frames the gradient of the score is 10.
  EXPECT_NEAR(*events(1, ":motion=true")[2].score, 0.1 * 10, tolerance::kUnitFloat32);
}

TEST(AdaCache, DoesNotKnowItsDecisionsBeforeTheRun) {
  const std::unique_ptr<CachePolicy> policy = factory_of({"adacache"})();
  const ScriptedModel model = with_change(0.1);
  policy->begin(model.topology(), run_info(6));
  const std::vector<StepInfo> schedule = even_schedule(6);
  const Plan plan = policy->plan(model.topology(), schedule);
  for (const RehearsedSite& site : rehearse(*policy, plan, schedule, std::vector{Branch::kConditional})) {
    EXPECT_EQ(site.pattern, "C?????");
  }
}

TEST(AdaCache, SaysThatTheBudgetIsExhausted) {
  const PolicyRun run = run_policy(with_change(0.1), "adacache", 5, {.options = {.max_cache_bytes = 0}});
  EXPECT_EQ(run.pattern(kAttention), "CCCCC");
  EXPECT_TRUE(run.events[4].reason.ends_with("over the byte budget")) << run.events[4].reason;
}

TEST(AdaCache, SwitchedOffGivesTheBitsOfNoPolicy) { EXPECT_TRUE(is_bit_exact(ToyModel(), "adacache:codebook=1")); }

TEST(AdaCache, ReusesOnTheToyModel) {
  const ToyModel model;
  const Request request = toy_request(20);
  const Result plain = run_toy(model, request, {"adacache"});
  const Result moving = run_toy(model, request, {"adacache:motion=true"});
  EXPECT_NE(plain.trace.pattern("blocks.1.self_attention", Branch::kConditional).find('R'), std::string::npos);
  EXPECT_FALSE(same_bits(plain.latents, moving.latents));
}

TEST(AdaCache, RefusesWhatCannotBe) {
  const Topology topology = with_change(0.1).topology();
  struct Case {
    std::string options, expected;
  };
  const std::vector<Case> cases = {
      {"codebook=quick", "adacache:codebook: there is none named 'quick'; accepted: fast, slow, long, or threshold:"},
      {"codebook=0.1/2", "adacache:codebook: '' in '0.1/2' is not possible"},
      {"codebook=0.1:0/2", "adacache:codebook: '0' in '0.1:0/2' is not possible"},
      {"codebook=0.2:3/0.1:2/1", "adacache:codebook: '0.2:3/0.1:2/1' does not ascend"},
      {"metric_block=1", "adacache:metric_block: there is no block 1; accepted: 0 to 0"},
      {"motion=true", "adacache:motion: a run of one frame has none"},
  };
  RunInfo one_frame = run_info(5);
  one_frame.frames = 1;
  for (const Case& c : cases) {
    const std::string message = refusal_of("adacache:" + c.options, topology, one_frame);
    EXPECT_NE(message.find(c.expected), std::string::npos) << c.options << " gave: " << message;
  }
  const std::string message = refusal_of("adacache", ScriptedModel(Script{}).topology(), run_info(5));
  EXPECT_NE(message.find("block 0 has no self-attention"), std::string::npos) << message;
}

}  // namespace
}  // namespace ditto
