#include "core/site.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "runtime/site_tree.h"

namespace ditto {
namespace {

Topology three_blocks() {
  Topology topology;
  for (int block = 0; block < 3; ++block) {
    for (const char* kind : {"self_attention", "cross_attention", "feed_forward"}) {
      topology.units.push_back({"blocks." + std::to_string(block) + "." + kind, kind, block});
    }
  }
  topology.channels = 4;
  return topology;
}

std::string refusal(const Plan& plan, const Topology& topology = three_blocks()) {
  try {
    validate(plan, topology);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    return error.what();
  }
  return "";
}

TEST(Topology, FindsTheUnitsOfABlock) {
  const Topology topology = three_blocks();
  EXPECT_EQ(topology.block_count(), 3);
  EXPECT_EQ(topology.block_begin(1), 3);
  EXPECT_EQ(topology.block_end(1), 6);
  EXPECT_EQ(topology.block_end(2), 9);
  EXPECT_EQ(Topology{}.block_count(), 0);
}

TEST(SiteName, NamesUnitsBlocksAndRuns) {
  const Topology topology = three_blocks();
  EXPECT_EQ(site_name(topology, 3, 4), "blocks.1.self_attention");
  EXPECT_EQ(site_name(topology, 3, 6), "blocks.1");
  EXPECT_EQ(site_name(topology, 0, 9), "blocks.0-2");
  EXPECT_EQ(site_name(topology, 3, 9), "blocks.1-2");
  EXPECT_EQ(site_name(topology, 1, 3), "blocks.0.cross_attention-blocks.0.feed_forward");
}

TEST(SiteName, TellsPredictionFormsApart) {
  EXPECT_EQ(prediction_site(FeatureForm::kDelta).name, "prediction");
  EXPECT_EQ(prediction_site(FeatureForm::kBranchDelta).name, "prediction.branch_delta");
}

TEST(FormName, IsReadBackAndRefusesOtherWords) {
  for (const FeatureForm form :
       {FeatureForm::kOutput, FeatureForm::kDelta, FeatureForm::kState, FeatureForm::kBranchDelta}) {
    EXPECT_EQ(form_from_name(form_name(form)), form);
  }
  EXPECT_THROW(form_from_name("residual"), Error);
}

TEST(Validate, AcceptsNestedAndDisjointSites) {
  const Topology topology = three_blocks();
  Plan plan;
  plan.sites = {unit_site(topology, 3, 4, FeatureForm::kOutput),
                unit_site(topology, 0, 9, FeatureForm::kDelta),
                unit_site(topology, 3, 6, FeatureForm::kState),
                unit_site(topology, 6, 7, FeatureForm::kOutput),
                prediction_site(FeatureForm::kDelta),
                prediction_site(FeatureForm::kBranchDelta)};
  plan.probes = {Probe{-1}, Probe{8}};
  EXPECT_EQ(refusal(plan), "");
}

TEST(Validate, RefusesWhatCannotBe) {
  const Topology topology = three_blocks();
  const auto named = [](std::string name, int begin, int end, FeatureForm form) {
    return Site{std::move(name), Scope::kUnits, begin, end, form, 1};
  };
  const auto overlap = refusal({{named("a", 0, 4, FeatureForm::kDelta), named("b", 3, 6, FeatureForm::kDelta)}});
  EXPECT_NE(overlap.find("'a' and 'b' overlap without nesting"), std::string::npos) << overlap;

  struct Case {
    Plan plan;
    std::string expected;
  };
  Site keeps_nothing = unit_site(topology, 0, 1, FeatureForm::kOutput);
  keeps_nothing.keep = 0;
  const std::vector<Case> cases = {
      {{{unit_site(topology, 0, 3, FeatureForm::kDelta), unit_site(topology, 0, 3, FeatureForm::kState)}},
       "two sites are named 'blocks.0'"},
      {{{prediction_site(FeatureForm::kDelta), prediction_site(FeatureForm::kOutput)}},
       "two sites are named 'prediction'"},
      {{{named("far", 6, 10, FeatureForm::kDelta)}}, "covers units 6 to 10; the model has 9"},
      {{{named("before", -1, 2, FeatureForm::kDelta)}}, "covers units -1 to 2"},
      {{{named("empty", 2, 2, FeatureForm::kDelta)}}, "covers units 2 to 2"},
      {{{named("wide", 0, 2, FeatureForm::kOutput)}}, "'wide' asks for the output of several units"},
      {{{named("u", 0, 1, FeatureForm::kBranchDelta)}}, "branch delta of units"},
      {{{prediction_site(FeatureForm::kState)}}, "state of a prediction"},
      {{{keeps_nothing}}, "keeps no snapshot"},
      {{{}, {Probe{9}}}, "a probe after unit 9; the model has 9"},
      {{{}, {Probe{-2}}}, "a probe after unit -2"},
      {{{}, {Probe{-1, ProbeKind::kReceivedAttention}}}, "a probe of the attention in unit -1"},
      {{{}, {Probe{0, ProbeKind::kReceivedAttention, 0}}}, "every 0 queries"},
      {{{named("one", 2, 3, FeatureForm::kOutput), named("two", 2, 3, FeatureForm::kOutput)}},
       "'one' and 'two' both hold the output of one unit"},
      {{{named("one", 0, 9, FeatureForm::kDelta), named("two", 0, 9, FeatureForm::kState)}},
       "'one' and 'two' hold what the same units make"},
  };
  for (const Case& c : cases) {
    const std::string message = refusal(c.plan);
    EXPECT_NE(message.find(c.expected), std::string::npos) << "expected: " << c.expected << "\n     got: " << message;
  }
}

TEST(Validate, RefusesABranchDeltaOfADistilledModel) {
  Topology topology = three_blocks();
  topology.guidance_distilled = true;
  const std::string message = refusal({{prediction_site(FeatureForm::kBranchDelta)}}, topology);
  EXPECT_NE(message.find("guidance-distilled"), std::string::npos) << message;
}

/// "0(1 2(3))": site indices with their children.
std::string shape_of(const std::vector<SiteNode>& nodes) {
  std::string text;
  for (const SiteNode& node : nodes) {
    if (!text.empty()) text += " ";
    text += std::to_string(node.site);
    if (!node.children.empty()) text += "(" + shape_of(node.children) + ")";
  }
  return text;
}

TEST(NestSites, OrdersByUnitsAndPutsInnerSitesBelowOuterOnes) {
  const Topology topology = three_blocks();
  const Plan plan{{unit_site(topology, 4, 5, FeatureForm::kOutput), unit_site(topology, 6, 9, FeatureForm::kDelta),
                   prediction_site(FeatureForm::kDelta), unit_site(topology, 3, 6, FeatureForm::kDelta),
                   unit_site(topology, 0, 6, FeatureForm::kDelta), unit_site(topology, 0, 1, FeatureForm::kOutput),
                   unit_site(topology, 8, 9, FeatureForm::kOutput)}};
  EXPECT_EQ(shape_of(nest_sites(plan)), "4(5 3(0)) 1(6)");
}

TEST(NestSites, AsksTheOutputOfAUnitInsideEverythingElseOverThatUnit) {
  const Plan plan{{Site{"output", Scope::kUnits, 2, 3, FeatureForm::kOutput, 1},
                   Site{"delta", Scope::kUnits, 2, 3, FeatureForm::kDelta, 1},
                   Site{"state", Scope::kUnits, 2, 3, FeatureForm::kState, 1}}};
  EXPECT_EQ(shape_of(nest_sites(plan)), "1(2(0))");
}

}  // namespace
}  // namespace ditto
