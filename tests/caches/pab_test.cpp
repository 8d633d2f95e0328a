// Pyramid Attention Broadcast: intervals by kind of attention, counted from the start, inside an open window.

#include "caches/pab.h"

#include <ATen/TensorOperators.h>

#include <gtest/gtest.h>

#include "policy_patterns.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

Topology factorised_topology(const std::string& name, int blocks = 4) {
  return topology_of({{"spatial_attention", "cross_attention", "feed_forward"},
                      {"temporal_attention", "cross_attention", "feed_forward"}},
                     blocks, name);
}

std::vector<int> reused(const Patterns& patterns, const std::string& site) {
  return steps_of(patterns.of(site, Branch::kUnconditional), 'R');
}

TEST(Pab, FollowsThePublishedSettingsOfOpenSora) {
  const Patterns patterns("pab", factorised_topology("OpenSora-STDiT-v3"), 30);
  EXPECT_EQ(reused(patterns, "blocks.0.spatial_attention"), (std::vector{3, 5, 7, 9, 11, 13, 15}));
  EXPECT_EQ(reused(patterns, "blocks.1.temporal_attention"), (std::vector{3, 5, 6, 7, 9, 10, 11, 13, 14, 15}));
  const std::vector<int> cross = {3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 16};
  EXPECT_EQ(reused(patterns, "blocks.0.cross_attention"), cross);
  EXPECT_EQ(reused(patterns, "blocks.1.cross_attention"), cross);
}

TEST(Pab, WindowIsOpenAndTheCountRunsOutsideIt) {
  // Timesteps 1000, 875, 750, ..., 125.
  const Patterns patterns("pab:self_attention=3,cross_attention=1,timestep_low=250,timestep_high=875", plain_topology(),
                          8);
  EXPECT_EQ(patterns.of("blocks.0.self_attention"), "CCRCRRCC");
  EXPECT_EQ(patterns.of("blocks.0.cross_attention"), "");
}

TEST(Pab, UnlistedModelsHaveGeneralSettings) {
  const Patterns patterns("pab", plain_topology(), 20);
  EXPECT_EQ(patterns.plan().sites.size(), 4U);
  EXPECT_EQ(reused(patterns, "blocks.1.self_attention"), (std::vector{5, 7, 9, 11, 13, 15, 17}));
  EXPECT_EQ(reused(patterns, "blocks.1.cross_attention"), (std::vector{4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17}));
}

TEST(Pab, BroadcastsFeedForwardOutputsOfTheFirstBlocksAfterThePublishedTimesteps) {
  // Timesteps 20 apart: 720 is step 14, and so on.
  const Patterns patterns("pab", factorised_topology("Latte-1", 12), 50);
  const std::vector<int> after_keys = {15, 16, 19, 20, 23, 24, 27, 28, 31, 32};
  EXPECT_EQ(reused(patterns, "blocks.0.feed_forward"), after_keys);
  EXPECT_EQ(reused(patterns, "blocks.9.feed_forward"), after_keys);
  EXPECT_EQ(patterns.of("blocks.10.feed_forward"), "");
  EXPECT_EQ(Patterns("pab:feed_forward_timesteps=none", factorised_topology("Latte-1"), 50).of("blocks.0.feed_forward"),
            "");
}

TEST(Pab, BroadcastsFeedForwardOutputsAfterTheStepNearestToEachTimestep) {
  // Timesteps 1000, 900, ..., 100; the second key lies in the reuse of the first.
  const Patterns patterns(
      "pab:feed_forward_timesteps=820/"
      "640,feed_forward_blocks=1,feed_forward_reuse=3,self_attention=1,cross_attention=1",
      plain_topology(), 10);
  EXPECT_EQ(patterns.of("blocks.0.feed_forward"), "CCCRCRRRCC");
  EXPECT_EQ(patterns.of("blocks.1.feed_forward"), "");
}

TEST(Pab, TellsWhatItSettled) {
  using Values = std::map<std::string, std::string>;
  const Values latte = {{"self_attention", "2"},      {"temporal_attention", "3"},
                        {"cross_attention", "6"},     {"timestep_low", "100"},
                        {"timestep_high", "800"},     {"feed_forward_timesteps", "720/640/560/480/400"},
                        {"feed_forward_blocks", "5"}, {"feed_forward_reuse", "2"}};
  EXPECT_EQ(settled_by("pab", factorised_topology("Latte-1"), run_info(50, kTwoBranches)), latte);
  const Values unlisted = {{"self_attention", "3"},         {"temporal_attention", "none"},
                           {"cross_attention", "6"},        {"timestep_low", "100"},
                           {"timestep_high", "850"},        {"feed_forward_timesteps", "none"},
                           {"feed_forward_blocks", "none"}, {"feed_forward_reuse", "none"}};
  EXPECT_EQ(settled_by("pab:self_attention=3", plain_topology(), run_info(20, kTwoBranches)), unlisted);
  const Values off = settled_by("pab:timestep_high=0", plain_topology(), run_info(20, kTwoBranches));
  EXPECT_EQ(off.at("cross_attention"), "none");
}

TEST(Pab, IntervalsOfOneHaveTheBitsOfNoPolicy) {
  const ToyModel model;
  const at::Tensor full = run_toy(model, toy_request(), {}).latents;
  EXPECT_TRUE(same_bits(run_toy(model, toy_request(), {"pab:self_attention=1,cross_attention=1"}).latents, full));
  EXPECT_TRUE(same_bits(run_toy(model, toy_request(), {"pab:timestep_high=0"}).latents, full));
}

/// What a guided prediction of the toy model adds to the latent, by step. Constant outputs are summed under a gate, so
/// that an output reused under its old gate tells the step it is from.
std::vector<double> added(const std::vector<std::string>& policies) {
  const ToyModel model({.feature = ToyFeature::kConstant, .blocks = 1, .guidance_distilled = true});
  std::vector<double> sums;
  GenerateOptions options;
  options.on_prediction = [&](const StepInfo&, const at::Tensor& latent, const at::Tensor& prediction) {
    sums.push_back((prediction - latent).flatten()[0].item<double>());
  };
  run_toy(model, toy_request(4), policies, options);
  return sums;
}

TEST(Pab, AddsWhatSelfAttentionAddedUnderItsOldGateOrUnderThePresentOne) {
  const std::string window = ",cross_attention=1,timestep_low=0,timestep_high=1001";
  const std::vector<double> full = added({});
  EXPECT_EQ(added({"pab:self_attention=2,gate=current" + window}), full);
  const std::vector<double> stored = added({"pab:self_attention=2" + window});
  // All three units share the part that the prompt adds.
  const double constants = ToyModel::constant_of(0, 0) + ToyModel::constant_of(1, 0) + ToyModel::constant_of(2, 0);
  const double output = ToyModel::constant_of(0, 0) + (full[0] - constants) / 3;
  for (std::size_t step = 0; step < full.size(); ++step) {
    const int index = static_cast<int>(step);
    const double stale = step % 2 == 0 ? 0 : output * (ToyModel::gate_of(index - 1) - ToyModel::gate_of(index));
    EXPECT_NEAR(stored[step], full[step] + stale, tolerance::kUnitFloat32) << step;
  }
}

TEST(Pab, KeepsAttentionToTheTextBeforeAnyGate) {
  const std::vector<double> cached =
      added({"pab:self_attention=1,cross_attention=3,timestep_low=0,timestep_high=1001"});
  EXPECT_EQ(cached, added({}));
}

TEST(Pab, RefusesOptionsWithoutEffect) {
  const Topology plain = plain_topology();
  expect_refusal(
      refusal_of("pab:temporal_attention=4", plain, 10),
      "--cache: pab:temporal_attention: has no effect on a model without such units; accepted: leaving it out");
  expect_refusal(refusal_of("pab:feed_forward_blocks=3", plain, 10),
                 "pab:feed_forward_blocks: has no effect without feed_forward_timesteps");
  expect_refusal(refusal_of("pab:feed_forward_timesteps=none,feed_forward_reuse=3", plain, 10),
                 "pab:feed_forward_reuse: has no effect without feed_forward_timesteps");
  expect_refusal(refusal_of("pab:cross_attention=2", topology_of({{"self_attention", "feed_forward"}}, 2), 10),
                 "pab:cross_attention: has no effect");
  expect_refusal(refusal_of("pab:feed_forward_timesteps=700", topology_of({{"self_attention"}}, 2), 10),
                 "pab:feed_forward_timesteps: has no effect on a model without such units");
}

TEST(Pab, RefusesImpossibleSettings) {
  expect_refusal(refusal_of("pab:timestep_low=850", plain_topology(), 10),
                 "pab:timestep_low: no timestep lies between 850 and 850; accepted: less than timestep_high");
  expect_refusal(refusal_of("pab:feed_forward_timesteps=700/x", plain_topology(), 10),
                 "pab:feed_forward_timesteps: 'x' is no number; accepted: none, or timesteps 720/640/560");
  expect_refusal(refusal_of("pab", topology_of({{"feed_forward"}}, 2), 10), "the model has no attention units");
}

}  // namespace
}  // namespace ditto::test
