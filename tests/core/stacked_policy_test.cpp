#include "core/stacked_policy.h"

#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

namespace ditto {
namespace {

/// Answers with its name, its own index of the site and the size of its own first probe.
class Part : public CachePolicy {
 public:
  Part(std::string name, Plan plan) : name_(std::move(name)), plan_(std::move(plan)) {}
  Plan plan(const Topology&, std::span<const StepInfo>) override { return plan_; }
  Decision decide(const DecisionPoint& point) override {
    return Decision::recompute(name_ + std::to_string(point.site) + " probe " +
                               std::to_string(point.evidence.probe(0).numel()));
  }
  void observe(const DecisionPoint& point, const Feature&, const Feature*) override {
    point.evidence.remember(name_ + std::to_string(point.site), {});
  }
  std::vector<SettledOption> settled_options() const override { return {{"threshold", name_}, {"order", "1"}}; }
  StepGrid shape_grid(StepGrid grid) const override {
    grid.nodes.erase(grid.nodes.begin() + static_cast<std::ptrdiff_t>(plan_.probes.size()));
    return grid;
  }

 private:
  std::string name_;
  Plan plan_;
};

/// The probe of index k has k elements.
class NumberedEvidence : public Evidence {
 public:
  at::Tensor hidden() const override { return {}; }
  at::Tensor probe(int index) const override { return at::zeros({index}); }
  at::Tensor signal(Signal) const override { return {}; }
  at::Tensor recall(const std::string&) const override { return {}; }
  bool remember(const std::string& name, const at::Tensor&) override {
    remembered.push_back(name);
    return true;
  }
  std::vector<std::string> remembered;
};

Site site(const char* name, int begin) { return {name, Scope::kUnits, begin, begin + 1, FeatureForm::kOutput, 1}; }

class Stacked : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::unique_ptr<CachePolicy>> parts;
    parts.push_back(std::make_unique<Part>("a", Plan{.sites = {site("x", 0), site("y", 1)}, .probes = {Probe{-1}}}));
    parts.push_back(std::make_unique<Part>(
        "b", Plan{.sites = {site("z", 2)}, .probes = {Probe{0}, Probe{1}}, .signals = {Signal::kTimeEmbedding}}));
    policy_ = std::make_unique<StackedPolicy>(std::move(parts));
    joined_ = policy_->plan({}, {});
  }

  std::unique_ptr<StackedPolicy> policy_;
  Plan joined_;
};

TEST_F(Stacked, JoinsPlansInOrder) {
  std::vector<std::string> names;
  for (const Site& joined : joined_.sites) names.push_back(joined.name);
  EXPECT_EQ(names, (std::vector<std::string>{"x", "y", "z"}));
  ASSERT_EQ(joined_.probes.size(), 3U);
  EXPECT_EQ(joined_.probes[1].unit, 0);
  EXPECT_EQ(joined_.signals, std::vector<Signal>{Signal::kTimeEmbedding});
}

TEST_F(Stacked, AsksEachPolicyAtItsOwnSitesInItsOwnNumbers) {
  NumberedEvidence evidence;
  const at::Tensor latent;
  std::vector<std::string> answers;
  for (int index = 0; index < 3; ++index) {
    const DecisionPoint point{{}, Branch::kConditional, index, {}, latent, evidence};
    answers.push_back(policy_->decide(point).reason);
    policy_->observe(point, {}, nullptr);
  }
  EXPECT_EQ(answers, (std::vector<std::string>{"a0 probe 0", "a1 probe 0", "b0 probe 1"}));
  EXPECT_EQ(evidence.remembered, (std::vector<std::string>{"a0", "a1", "b0"}));
}

TEST_F(Stacked, ShapesTheGridInOrder) {
  const StepGrid grid = policy_->shape_grid({{}, {0, 1, 2, 3, 4, 5}});
  EXPECT_EQ(grid.nodes, (std::vector<int>{0, 2, 4, 5})) << "the first drops its node 1, the second what is then node 2";
}

TEST_F(Stacked, NamesTheSettledOptionsOfEachPolicyByItsPlace) {
  std::vector<std::string> settled;
  for (const SettledOption& option : policy_->settled_options()) {
    settled.push_back(std::to_string(option.policy) + ":" + option.name + "=" + option.value);
  }
  EXPECT_EQ(settled, (std::vector<std::string>{"0:threshold=a", "0:order=1", "1:threshold=b", "1:order=1"}));
}

TEST(StackedPolicy, OfNothingIsFullCompute) {
  StackedPolicy policy({});
  EXPECT_TRUE(policy.plan({}, {}).sites.empty());
  EXPECT_EQ(policy.shape_grid({{1, 0}, {0}}).nodes, std::vector<int>{0});
}

}  // namespace
}  // namespace ditto
