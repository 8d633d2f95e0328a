#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "io/safetensors.h"
#include "models/wan/vae.h"
#include "numeric.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto {
namespace {

class WanVaeParity : public ::testing::TestWithParam<const char*> {
 protected:
  at::Tensor fixture(const std::string& name) const { return fixtures_.tensor(name); }

  std::filesystem::path folder_ = test::data_path("wan") / GetParam();
  WanVaeDecoder decoder_ = WanVaeDecoder::load(folder_);
  SafetensorsFile fixtures_{folder_ / "decode.safetensors"};
};

TEST_P(WanVaeParity, DecodesAsDiffusersInChunksOfAnySize) {
  for (const int frames : {1, 2, 3, 5}) {
    const std::string prefix = "frames" + std::to_string(frames);
    const at::Tensor expected = fixture(prefix + ".video");
    for (int chunk = 0; chunk <= frames; ++chunk) {
      SCOPED_TRACE(prefix + " in chunks of " + std::to_string(chunk));
      const at::Tensor video = decoder_.decode(fixture(prefix + ".denormalised"), {}, chunk);
      ASSERT_EQ(video.sizes(), expected.sizes());
      EXPECT_LE(test::relative_error(video, expected), test::tolerance::kCodecFloat32);
    }
  }
}

TEST_P(WanVaeParity, DenormalisesAsThePipeline) {
  for (const int frames : {1, 2, 3, 5}) {
    const std::string prefix = "frames" + std::to_string(frames);
    EXPECT_LE(
        test::relative_error(decoder_.denormalise(fixture(prefix + ".latent")), fixture(prefix + ".denormalised")),
        test::tolerance::kUnitFloat32);
  }
}

TEST_P(WanVaeParity, ClipsOfABatchAreIndependent) {
  const at::Tensor first = fixture("frames3.denormalised"), second = first.neg();
  const at::Tensor video = decoder_.decode(at::cat({first, second}), {}, 1);
  EXPECT_TRUE(at::equal(video.narrow(0, 0, 1), decoder_.decode(first, {}, 1)));
  EXPECT_TRUE(at::equal(video.narrow(0, 1, 1), decoder_.decode(second, {}, 1)));
}

TEST_P(WanVaeParity, StopsBetweenChunksWhenAsked) {
  const at::Tensor latents = fixture("frames5.denormalised");
  std::vector<int> asked;
  const at::Tensor stopped = decoder_.decode(
      latents,
      [&](int frame, int count) {
        EXPECT_EQ(count, 5);
        asked.push_back(frame);
        return frame < 2;
      },
      1);
  EXPECT_FALSE(stopped.defined());
  EXPECT_EQ(asked, (std::vector<int>{0, 1, 2}));

  asked.clear();
  const at::Tensor finished = decoder_.decode(
      latents,
      [&](int frame, int) {
        asked.push_back(frame);
        return true;
      },
      2);
  EXPECT_TRUE(finished.defined());
  EXPECT_EQ(asked, (std::vector<int>{0, 2, 4}));
}

TEST_P(WanVaeParity, ThreadsShareADecoder) {
  const at::Tensor latents = fixture("frames3.denormalised");
  const at::Tensor expected = decoder_.decode(latents, {}, 1);
  std::atomic<int> same = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { same += at::equal(decoder_.decode(latents, {}, 1), expected) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, 4);
}

TEST_P(WanVaeParity, LatentsOfTheWrongShapeAreRefused) {
  EXPECT_THROW(decoder_.decode(at::randn({1, 15, 1, 2, 2})), c10::Error);
  EXPECT_THROW(decoder_.decode(at::randn({16, 1, 2, 2})), c10::Error);
}

INSTANTIATE_TEST_SUITE_P(Folders, WanVaeParity, ::testing::Values("vae-a", "vae-b"),
                         [](const auto& info) { return std::string(info.param).substr(4); });

TEST(WanVaeDecoder, ChunksFollowTheSizeOfTheFrames) {
  const WanVaeDecoder decoder = WanVaeDecoder::load(test::model_path("wan-mini/vae"));
  EXPECT_EQ(decoder.chunk_frames({1, 16, 5, 8, 8}), 5);
  EXPECT_EQ(decoder.chunk_frames({1, 16, 21, 60, 104}), 1);
  const std::int64_t between = decoder.chunk_frames({1, 16, 21, 16, 16});
  EXPECT_GT(between, 1);
  EXPECT_LT(between, 21);
  EXPECT_LT(decoder.activation_bytes({1, 16, 21, 60, 104}, 1), decoder.activation_bytes({1, 16, 21, 60, 104}, 21));
  EXPECT_GT(decoder.weight_bytes(), 0);
  EXPECT_FALSE(decoder.first_non_finite());
}

}  // namespace
}  // namespace ditto
