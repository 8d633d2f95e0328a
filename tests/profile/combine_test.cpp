// Several profiles become one, and files of other runs are refused.

#include <cmath>
#include <filesystem>

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "models/toy/toy_model.h"
#include "profile_support.h"
#include "runtime/run_setup.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

namespace fs = std::filesystem;

Request request_of(std::uint64_t seed, const std::string& prompt) {
  Request request = toy_request(6);
  request.seed = seed;
  request.prompt = prompt;
  return request;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
    return error.what();
  }
  return "no error";
}

class Combine : public testing::Test {
 protected:
  Combine() {
    const ToyModel model;
    int number = 0;
    for (const char* prompt : {"a red circle", "a blue square", "a ring"}) {
      runs_.push_back(measure(model, request_of(7 + static_cast<std::uint64_t>(number), prompt)));
      runs_.back().path = fs::path("run" + std::to_string(++number) + ".json");
    }
  }
  std::vector<Profile> runs_;
};

TEST_F(Combine, MeansAndDeviationsOverRuns) {
  const Profile all = combine(runs_);
  EXPECT_EQ(all.prompts, 3);
  const at::Tensor& by_run = all.array("residual_ratio.by_prompt");
  ASSERT_EQ(by_run.sizes(), (at::IntArrayRef{3, 2, 6}));
  const double a = number(by_run, {0, 1, 3}), b = number(by_run, {1, 1, 3}), c = number(by_run, {2, 1, 3});
  const double mean = (a + b + c) / 3;
  EXPECT_NEAR(number(all.array("residual_ratio"), {1, 3}), mean, 1e-12);
  const double variance = ((a - mean) * (a - mean) + (b - mean) * (b - mean) + (c - mean) * (c - mean)) / 3;
  EXPECT_NEAR(number(all.array("residual_ratio.std"), {1, 3}), std::sqrt(variance), 1e-12);
  const auto change = [&](int run) {
    return number(runs_[static_cast<std::size_t>(run)].array("stack_change"), {0, 2});
  };
  EXPECT_NEAR(number(all.array("stack_change"), {0, 2}), (change(0) + change(1) + change(2)) / 3, 1e-12);
  EXPECT_EQ(all.array("gram").size(0), 3);
}

TEST_F(Combine, ProfilesOfPartsGiveTheProfileOfAll) {
  const Profile all = combine(runs_);
  const std::vector<Profile> parts = {combine(std::span(runs_).first(2)), combine(std::span(runs_).last(1))};
  const Profile merged = combine(parts);
  EXPECT_EQ(merged.prompts, 3);
  ASSERT_EQ(merged.arrays.size(), all.arrays.size());
  for (const auto& [name, array] : all.arrays) {
    EXPECT_TRUE(at::allclose(merged.array(name), array, 1e-9, 1e-12, /*equal_nan=*/true)) << name;
  }
  EXPECT_TRUE(same_bits(merged.array("gram"), all.array("gram")));
}

TEST_F(Combine, PartsMayHaveAnyNumbersOfPrompts) {
  const Profile three = combine(runs_), two = combine(std::span(runs_).first(2));
  const Profile merged = combine(std::vector<Profile>{three, two});
  EXPECT_EQ(merged.prompts, 5);
  EXPECT_EQ(merged.array("gram").size(0), 5);
  const at::Tensor expected = (three.array("stack_change") * 3 + two.array("stack_change") * 2) / 5;
  EXPECT_TRUE(at::allclose(merged.array("stack_change"), expected, 1e-12, 1e-12, /*equal_nan=*/true));
}

TEST_F(Combine, EveryArrayIsInTheTable) {
  const Profile all = combine(runs_);
  for (const auto& [name, array] : all.arrays) {
    EXPECT_TRUE(std::ranges::any_of(profile_arrays(), [&](const ProfileArray& known) { return known.name == name; }))
        << name;
  }
}

TEST_F(Combine, EdgesMayBeOfFewerRuns) {
  at::Tensor edges = at::zeros({1, 6, 3}, at::kDouble);
  edges[0][1][2] = 0.5;
  edges[0][0][0] = std::nan("");
  runs_[1].arrays["edge_error.by_prompt"] = edges;
  at::Tensor more = edges.clone();
  more[0][1][2] = 1.0;
  runs_[2].arrays["edge_error.by_prompt"] = more;
  const Profile all = combine(runs_);
  EXPECT_EQ(all.array("edge_error.by_prompt").size(0), 2);
  EXPECT_NEAR(number(all.array("edge_error"), {1, 2}), 0.75, tolerance::kClosedForm);
  EXPECT_NEAR(number(all.array("edge_error.max"), {1, 2}), 1.0, tolerance::kClosedForm);
  EXPECT_NEAR(number(all.array("edge_error.std"), {1, 2}), 0.25, tolerance::kClosedForm);
  EXPECT_TRUE(std::isnan(number(all.array("edge_error"), {0, 0})));
}

TEST_F(Combine, RefusesWhatDoesNotBelongTogether) {
  const auto refusal = [&](const std::function<void(Profile&)>& change) {
    std::vector<Profile> runs = {runs_[0], runs_[1]};
    change(runs[1]);
    return error_of([&] { combine(runs); });
  };
  EXPECT_EQ(refusal([](Profile& p) { p.model.weight_hash = "feed"; }),
            "run2.json: made for model 'toy' (weights feed); run1.json has 'toy' (weights 000000000000); accepted: a "
            "profile of the same model and settings");
  EXPECT_EQ(refusal([](Profile& p) { p.run.guidance = 7; }),
            "run2.json: made for guidance 7; run1.json has 2; accepted: a profile of the same model and settings");
  EXPECT_EQ(refusal([](Profile& p) { p.dtype = "bf16"; }),
            "run2.json: measured in bf16, run1.json in ; accepted: profiles of one dtype");
  EXPECT_EQ(refusal([](Profile& p) { p.arrays.erase("gram"); }),
            "run2.json: holds no 'gram', which another has; accepted: profiles of the same measurements");
  EXPECT_EQ(refusal([](Profile& p) {
              p.arrays["gram"] = at::zeros({1, 3, 3}, at::kDouble);
            }),
            "run2.json: 'gram' is double [1,3,3]; accepted: double [prompt, 2 steps + 1, 2 steps + 1] of 6 steps and 2 "
            "branches");
  EXPECT_EQ(refusal([](Profile& p) {
              p.arrays["hyca.solver_error"] = at::zeros({1, 1, 1}, at::kDouble);
            }).substr(0, 49),
            "run2.json: 'hyca.solver_error' is [1,1,1], in run");
  for (const char* name : {"output_change.by_prompt", "indicator.emb.by_prompt", "foreground_attention.by_prompt"}) {
    for (const at::Tensor& wrong : {at::zeros({}, at::kDouble), at::zeros({1, 2}, at::kDouble),
                                    at::zeros({1, 1, 4000}, at::kDouble), at::zeros({1, 2, 6}, at::kFloat)}) {
      EXPECT_NE(refusal([&](Profile& p) { p.arrays[name] = wrong; }).find(name), std::string::npos) << name;
    }
  }
  EXPECT_EQ(refusal([](Profile& p) { p.arrays["gramm"] = at::zeros({1}); }),
            "run2.json: holds 'gramm', which is not known; accepted: profiles");
}

class ProfileFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("ditto-profile-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    const Request request = request_of(1, "a red circle");
    profile_ = profile_of(model_, request);
    profile_.dtype = "fp32";
    resolved_ = resolve(model_, request);
  }
  void TearDown() override { fs::remove_all(folder_); }

  ToyModel model_;
  fs::path folder_;
  Profile profile_;
  ResolvedRequest resolved_;
};

TEST_F(ProfileFile, IsReadAsItWasWritten) {
  profile_.write(folder_ / "p.json");
  const Profile read = Profile::read(folder_ / "p");
  EXPECT_EQ(read.model.name, "toy");
  EXPECT_EQ(read.run.steps, 6);
  EXPECT_EQ(read.run.branches.size(), 2U);
  EXPECT_EQ(read.dtype, "fp32");
  EXPECT_EQ(read.prompts, 1);
  ASSERT_EQ(read.arrays.size(), profile_.arrays.size());
  for (const auto& [name, array] : profile_.arrays) {
    EXPECT_TRUE(at::allclose(read.array(name), array, 0, 0, /*equal_nan=*/true)) << name;
  }
  read.require_fits(model_.denoiser().topology(), run_info(resolved_));
}

TEST_F(ProfileFile, SaysWhichKeyIsWrong) {
  const auto refusal = [&](const std::function<void(Profile&)>& change) {
    Profile changed = profile_;
    change(changed);
    changed.write(folder_ / "p");
    return error_of([&] { Profile::read(folder_ / "p"); });
  };
  EXPECT_NE(refusal([](Profile& p) { p.run.branches = {}; }).find("p.json: run.branches: names none"),
            std::string::npos);
  EXPECT_NE(refusal([](Profile& p) {
              p.run.branches.push_back(p.run.branches.front());
            }).find("p.json: run.branches: 'conditional' is there twice"),
            std::string::npos);
  EXPECT_NE(refusal([](Profile& p) { std::swap(p.sigmas[1], p.sigmas[2]); }).find("p.json: sigmas: do not fall to 0"),
            std::string::npos);
}

TEST_F(ProfileFile, FilesOfTwoProfilesAreNoProfile) {
  profile_.write(folder_ / "p");
  Profile other = profile_;
  other.arrays.erase("gram");
  other.write(folder_ / "q");
  fs::rename(folder_ / "q.safetensors", folder_ / "p.safetensors");
  EXPECT_NE(error_of([&] { Profile::read(folder_ / "p"); }).find("p.safetensors: was not written together with"),
            std::string::npos);
}

TEST_F(ProfileFile, AnotherRunIsRefusedByName) {
  profile_.path = "p.json";
  const Topology& topology = model_.denoiser().topology();
  const RunInfo run = run_info(resolved_);
  const std::string end = "; accepted: a profile of the same model and settings";
  const auto refusal = [&](const std::function<void(Topology&, RunInfo&)>& change) {
    Topology other = topology;
    RunInfo other_run = run;
    change(other, other_run);
    return error_of([&] { profile_.require_fits(other, other_run); });
  };
  EXPECT_EQ(refusal([](Topology&, RunInfo&) {}), "no error");
  EXPECT_EQ(refusal([](Topology& t, RunInfo&) {
              t.identity = {"other", "0123456789abcdef"};
            }),
            "p.json: made for model 'toy' (weights 000000000000); this run has 'other' (weights 0123456789ab)" + end);
  EXPECT_EQ(refusal([](Topology&, RunInfo& r) { r.steps = 7; }), "p.json: made for steps 6; this run has 7" + end);
  EXPECT_EQ(refusal([](Topology&, RunInfo& r) { r.solver = "unipc"; }),
            "p.json: made for solver euler; this run has unipc" + end);
  EXPECT_EQ(refusal([](Topology&, RunInfo& r) { r.guidance = 3.5; }),
            "p.json: made for guidance 2; this run has 3.5" + end);
  EXPECT_EQ(refusal([](Topology&, RunInfo& r) { r.shift = 1; }), "p.json: made for shift 3; this run has 1" + end);
  EXPECT_EQ(refusal([](Topology&, RunInfo& r) { r.width = 32; }),
            "p.json: made for resolution 16x16x5; this run has 32x16x5" + end);
  EXPECT_EQ(refusal([](Topology&, RunInfo& r) { r.frames = 9; }),
            "p.json: made for resolution 16x16x5; this run has 16x16x9" + end);
}

TEST_F(ProfileFile, AMissingArrayIsNamed) {
  profile_.path = "p.json";
  EXPECT_EQ(error_of([&] { profile_.array("edge_error"); }),
            "p.json: holds no 'edge_error'; accepted: a profile that measured it");
}

}  // namespace
}  // namespace ditto::test
