#include <limits>

#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

TEST(Resolve, FillsInTheModelsDefaults) {
  const ToyModel toy;
  const ResolvedRequest resolved = resolve(toy, Request());
  EXPECT_EQ(resolved.width, 16);
  EXPECT_EQ(resolved.height, 16);
  EXPECT_EQ(resolved.frames, 5);
  EXPECT_EQ(resolved.steps, 10);
  EXPECT_EQ(resolved.guidance, 2.0);
  EXPECT_EQ(resolved.shift, 1.0);
  EXPECT_EQ(resolved.solver, "euler");
  EXPECT_EQ(resolved.latent_sizes, (std::vector<std::int64_t>{1, 4, 2, 2, 2}));
  EXPECT_EQ(resolved.branches, (std::vector<Branch>{Branch::kConditional, Branch::kUnconditional}));
}

TEST(Resolve, TakesWhatTheUserSays) {
  Request request = toy_request(7);
  request.width = 8;
  request.height = 24;
  request.frames = 1;
  request.guidance = 7.5;
  request.solver = "unipc";
  const ResolvedRequest resolved = resolve(ToyModel(), request);
  EXPECT_EQ(resolved.width, 8);
  EXPECT_EQ(resolved.height, 24);
  EXPECT_EQ(resolved.steps, 7);
  EXPECT_EQ(resolved.guidance, 7.5);
  EXPECT_EQ(resolved.shift, 3.0);
  EXPECT_EQ(resolved.solver, "unipc");
  EXPECT_EQ(resolved.latent_sizes, (std::vector<std::int64_t>{1, 4, 1, 3, 1}));
}

TEST(Resolve, HasOneBranchWithoutGuidance) {
  Request request = toy_request();
  for (const double guidance : {0.0, 0.5, 1.0}) {
    request.guidance = guidance;
    EXPECT_EQ(resolve(ToyModel(), request).branches, std::vector<Branch>{Branch::kConditional});
  }
  request.guidance = 4.0;
  EXPECT_EQ(resolve(ToyModel({.guidance_distilled = true}), request).branches,
            std::vector<Branch>{Branch::kConditional});
}

std::string refusal(const Request& request, ExitCode code = ExitCode::kUsage, const VideoModel& model = ToyModel()) {
  try {
    resolve(model, request);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "accepted";
}

TEST(Resolve, RefusesByOptionAndSaysWhatIsAccepted) {
  const auto with = [](const auto& change) {
    Request request = toy_request();
    change(request);
    return refusal(request);
  };
  EXPECT_EQ(with([](Request& r) { r.steps = 0; }), "--steps: 0 is not possible; accepted: 1 to 1000");
  EXPECT_EQ(with([](Request& r) { r.steps = 1001; }), "--steps: 1001 is not possible; accepted: 1 to 1000");
  EXPECT_EQ(with([](Request& r) { r.guidance = -1; }),
            "--guidance: -1 is not possible; accepted: a finite number, 0 or more");
  EXPECT_EQ(with([](Request& r) { r.guidance = std::numeric_limits<double>::infinity(); }),
            "--guidance: inf is not possible; accepted: a finite number, 0 or more");
  EXPECT_EQ(with([](Request& r) { r.width = 12; }), "--size: 12x16 is not possible; accepted: multiples of 8");
  EXPECT_EQ(with([](Request& r) { r.frames = 6; }), "--frames: 6 is not possible; accepted: 4k+1");
  EXPECT_EQ(with([](Request& r) {
              r.noise = at::zeros({1, 4, 2, 2, 3});
            }),
            "--noise: its shape is [1,4,2,2,3]; accepted: [1,4,2,2,2] for this model, size and frames");
  EXPECT_EQ(with([](Request& r) {
              r.noise = at::zeros({1, 4, 2, 2, 2}).to(at::kDouble);
            }),
            "--noise: its dtype is not accepted; accepted: fp32");
  EXPECT_EQ(with([](Request& r) { r.solver = "unipcc"; }), "--solver: \"unipcc\" is unknown; accepted: unipc, euler");
  EXPECT_EQ(with([](Request& r) { r.shift = 0.0; }), "--shift: 0 is not accepted; give a positive number");
  EXPECT_EQ(with([](Request& r) { r.shift = std::numeric_limits<double>::quiet_NaN(); }),
            "--shift: nan is not accepted; give a positive number");
  EXPECT_EQ(with([](Request& r) {
              r.solver = "unipc";
              r.steps = 1000;
              r.shift = 999.9;
            }),
            "--shift: 999.9 leaves no difference between some of 1000 noise levels; accepted: a smaller one, or fewer "
            "--steps");
}

/// A model no machine can hold.
class HugeModel : public ToyModel {
 public:
  std::int64_t weight_bytes() const override { return std::int64_t{1} << 60; }
};

TEST(Resolve, RefusesWhatTheMemoryCannotHold) {
  const std::string message = refusal(toy_request(), ExitCode::kOutOfMemory, HugeModel());
  EXPECT_EQ(
      message.rfind("--size 16x16 --frames 5: about 1073741824.0 GiB of memory are needed and this machine has ", 0),
      0U)
      << message;
}

}  // namespace
}  // namespace ditto::test
