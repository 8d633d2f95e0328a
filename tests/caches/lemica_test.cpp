#include "caches/lemica.h"

#include <fstream>
#include <limits>

#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "caches/preset.h"
#include "caches/profile_support.h"
#include "io/json_file.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr const char* kStack = "blocks.0-1";
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Two blocks that add constants.
ScriptedModel constant_model(const std::string& name = "scripted") {
  return ScriptedModel({.name = name, .blocks = 2, .output = [](int unit, int, int branch, const at::Tensor& hidden) {
                          return at::full_like(hidden, 0.25 + unit + 0.5 * branch);
                        }});
}

std::vector<int> computed(const EngineRun& run) { return steps_of(run.pattern(kStack), 'C'); }

/// The errors of the published example, as a profile of six steps holds them.
at::Tensor example_edges() {
  return at::tensor({0.0,   0.0, .50, .90,   1.40,  kNone, 0.0, .30,   .55,   .80,   0.0,   0.0,   .20,   .35,   kNone,
                     kNone, 0.0, .10, kNone, kNone, kNone, 0.0, kNone, kNone, kNone, kNone, kNone, kNone, kNone, kNone},
                    at::kDouble)
      .reshape({6, 5});
}

TEST(LeMiCaPreset, EveryReleasedScheduleIsWhole) {
  const nlohmann::json presets = read_json_file(preset_source("lemica"));
  int lists = 0;
  for (const nlohmann::json& model : presets.at("models")) {
    const ModelIdentity identity{model.at("names").at(0), "feed"};
    for (const auto& schedule : model.at("schedules").items()) {
      const int compute = std::stoi(schedule.key());
      const std::vector<int> steps = released_schedule(identity, model.at("steps"), compute);
      EXPECT_EQ(std::ssize(steps), compute) << identity.name;
      EXPECT_EQ(steps.front(), 0);
      EXPECT_EQ(steps.back(), model.at("steps").get<int>() - 1);
      ++lists;
    }
  }
  EXPECT_EQ(lists, 29);
  EXPECT_TRUE(released_schedule({"Wan2.1-T2V-1.3B-Diffusers", "feed"}, 40, 20).empty()) << "there is no transfer rule";
  EXPECT_TRUE(released_schedule({"Wan2.1-T2V-1.3B-Diffusers", "feed"}, 50, 21).empty());
  EXPECT_TRUE(released_schedule({"toy", "feed"}, 50, 20).empty());
}

TEST(LeMiCaPreset, RefusesMalformedSchedules) {
  const PresetFolder presets;
  const auto refusal = [&](const std::string& list) {
    std::ofstream(presets / "lemica.json")
        << R"({"models": [{"names": ["m"], "steps": 6, "max_skip": 3, "schedules": {"4": )" << list << "}}]}";
    try {
      released_schedule({"m", "feed"}, 6, 4);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::string what =
      "schedules.4: is no schedule of that many steps; accepted: 4 ascending steps from 0 to 5, at "
      "most 3 apart";
  for (const char* list :
       {"[0, 1, 5]", "[1, 2, 3, 5]", "[0, 1, 2, 4]", "[0, 2, 2, 5]", "[0, 1, 2, 3, 5]", "[]", "[0, 4, 3, 5]"}) {
    EXPECT_NE(refusal(list).find(what), std::string::npos) << list << ": " << refusal(list);
  }
  EXPECT_NE(refusal("[0, 1, 5, 5]"), "accepted");
  EXPECT_EQ(refusal("[0, 1, 3, 5]"), "accepted");
}

TEST(LeMiCa, ComputesTheReleasedSteps) {
  const EngineRun run = run_with(constant_model("Wan2.1-T2V-1.3B-Diffusers"), "lemica:compute=14",
                                 {.steps = 50, .branches = kBothBranches});
  EXPECT_EQ(computed(run), (std::vector<int>{0, 1, 2, 3, 4, 5, 7, 10, 16, 23, 30, 37, 44, 49}));
  EXPECT_EQ(run.pattern(kStack), run.pattern(kStack, Branch::kUnconditional));
  EXPECT_EQ(run.events.back().reason, "scheduled");
}

TEST(LeMiCa, AConstantChangeIsReusedExactly) {
  const RunSetup setup{.steps = 50, .branches = kBothBranches};
  const ScriptedModel model = constant_model("Wan2.1-T2V-14B");
  const EngineRun full = run_with(model, "none", setup);
  const EngineRun reused = run_with(model, "lemica:compute=14", setup);
  for (int step = 0; step < 50; ++step) {
    for (const std::size_t branch : {0U, 1U}) EXPECT_EQ(value_at(reused, step, branch), value_at(full, step, branch));
  }
}

TEST(LeMiCa, PlansFromTheEdgeErrorsOfAProfile) {
  const TempFolder folder;
  const ScriptedModel model = constant_model();
  const RunSetup setup{.steps = 6};
  profile_of(model, setup, {{"edge_error", example_edges()}}).write(folder / "edges");
  const auto plan = [&](int compute) {
    return "lemica:compute=" + std::to_string(compute) + ",profile=" + (folder / "edges.json").string();
  };
  EXPECT_EQ(computed(run_with(model, plan(3), setup)), (std::vector<int>{0, 2, 5}));
  EXPECT_EQ(computed(run_with(model, plan(4), setup)), (std::vector<int>{0, 1, 3, 5}));
  EXPECT_EQ(computed(run_with(model, plan(5), setup)), (std::vector<int>{0, 1, 2, 3, 5}));
  EXPECT_TRUE(run_with(model, plan(6), setup).events.empty()) << "all steps: full compute";
  EXPECT_EQ(refusal_in(model, plan(2), setup),
            "--cache: lemica:compute: no schedule computes 2 of 6 steps with edges up to 4; accepted: 3 to 6");
  EXPECT_NE(refusal_in(model, plan(3), {.steps = 7}).find("made for steps 6; this run has 7"), std::string::npos);
}

TEST(LeMiCa, RefusesEdgeErrorsOfAnotherShape) {
  const TempFolder folder;
  const ScriptedModel model = constant_model();
  const RunSetup setup{.steps = 6};
  const std::string specification = "lemica:compute=3,profile=" + (folder / "edges").string();
  profile_of(model, setup, {{"edge_error", example_edges().narrow(0, 0, 5).clone()}}).write(folder / "edges");
  EXPECT_NE(refusal_in(model, specification, setup).find("has the shape [5, 5]; accepted: [6, largest skip + 1]"),
            std::string::npos);
  profile_of(model, setup, {{"edge_error", -example_edges()}}).write(folder / "edges");
  EXPECT_NE(refusal_in(model, specification, setup).find("'edge_error' [0][2] is -0.5; accepted: 0 or more"),
            std::string::npos);
  profile_of(model, setup, {{"other", example_edges()}}).write(folder / "edges");
  EXPECT_NE(refusal_in(model, specification, setup).find("holds no 'edge_error'"), std::string::npos);
}

TEST(LeMiCa, FindsTheShippedProfileOfTheRun) {
  const PresetFolder presets;
  std::ofstream(presets / "lemica.json") << R"({"models": []})";
  std::filesystem::create_directory(presets / "profiles");
  const ScriptedModel model = constant_model();
  const RunSetup setup{.steps = 6};
  EXPECT_EQ(
      refusal_in(model, "lemica:compute=3", setup),
      "--cache: lemica:compute: no schedule of 3 among 6 steps is known for model 'scripted' (no profile "
      "'scripted-16x16-6.json' is shipped; nothing is published for this model); accepted: profile=NAME, measured "
      "by dit-profile run");
  Profile profile = profile_of(model, setup, {{"edge_error", example_edges()}});
  profile.write(presets / "profiles/scripted-16x16-6");
  EXPECT_EQ(computed(run_with(model, "lemica:compute=3", setup)), (std::vector<int>{0, 2, 5}));
  EXPECT_EQ(settled_by("lemica:compute=3", model.topology(), profile.run).at("profile"), "scripted-16x16-6");
  for (const std::filesystem::path& file : Profile::files(presets / "profiles/scripted-16x16-6")) {
    std::filesystem::rename(file, presets / ("profiles/another-name-16x16-6" + file.extension().string()));
  }
  EXPECT_EQ(settled_by("lemica:compute=3", model.topology(), profile.run).at("profile"), "another-name-16x16-6")
      << "the weights decide, not the name of the model's folder";
  for (const std::filesystem::path& file : Profile::files(presets / "profiles/another-name-16x16-6")) {
    std::filesystem::remove(file);
  }
  profile.run.guidance = 7;
  profile.write(presets / "profiles/scripted-16x16-6");
  EXPECT_NE(refusal_in(model, "lemica:compute=3", setup).find("made for guidance 7; this run has 2"),
            std::string::npos);
}

TEST(LeMiCa, RefusesWhatCannotBe) {
  const ScriptedModel wan = constant_model("Wan2.1-T2V-1.3B");
  EXPECT_EQ(refusal_in(wan, "lemica:compute=20", {.steps = 10}),
            "--cache: lemica:compute: 20 of 10 steps is not possible; accepted: 2 to 10, or 0 for all");
  EXPECT_EQ(refusal_in(wan, "lemica:compute=1", {.steps = 10}),
            "--cache: lemica:compute: 1 of 10 steps is not possible; accepted: 2 to 10, or 0 for all");
  EXPECT_NE(refusal_in(wan, "lemica:compute=20", {.steps = 40}).find("published for 50 steps: 14, 17, 20, 25"),
            std::string::npos);
}

TEST(LeMiCa, DoesNotShareTheStepsWithAJump) {
  const PresetFolder presets;
  std::ofstream(presets / "lemica.json")
      << R"({"models": [{"names": ["toy"], "steps": 4, "max_skip": 2, "schedules": {"3": [0, 1, 3]}}]})";
  EXPECT_EQ(run_toy(ToyModel(), toy_request(4), {"lemica:compute=3"}).trace.pattern("blocks.0-2", Branch::kConditional),
            "CCRC");
  try {
    run_toy(ToyModel(), toy_request(4), {"lemica:compute=3", "steps:compute=3"});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "--cache: lemica: its schedule is made for all 4 steps; another policy jumps over some; accepted: "
                 "lemica without policies that leave out steps");
  }
}

TEST(LeMiCa, ComputeZeroIsNoPolicy) { EXPECT_TRUE(run_with(constant_model(), "lemica:compute=0").events.empty()); }

}  // namespace
}  // namespace ditto::test
