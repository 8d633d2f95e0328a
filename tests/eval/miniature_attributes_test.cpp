#include "eval/metrics/miniature_attributes.h"

#include <ATen/ops/full.h>

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "test_paths.h"

namespace ditto {
namespace {

MiniatureAttributes row_of(const at::Tensor& table, std::int64_t row) {
  MiniatureAttributes attributes{};
  for (std::size_t a = 0; a < attributes.size(); ++a) {
    attributes[a] = table[row][static_cast<std::int64_t>(a)].item<int>();
  }
  return attributes;
}

class MiniatureClips : public testing::Test {
 protected:
  const SafetensorsFile fixture_{test::data_path("metrics/miniature_attributes.safetensors")};
};

TEST_F(MiniatureClips, AreReadAsThePythonRulesReadThem) {
  const at::Tensor frames = fixture_.tensor("frames"), read = fixture_.tensor("read");
  for (std::int64_t clip = 0; clip < frames.size(0); ++clip) {
    EXPECT_EQ(read_attributes(frames[clip]), row_of(read, clip)) << clip;
  }
}

TEST_F(MiniatureClips, AreNamedByTheirCaptions) {
  const at::Tensor named = fixture_.tensor("named");
  for (std::int64_t clip = 0; clip < named.size(0); ++clip) {
    const std::string caption = fixture_.metadata().at("caption." + std::to_string(clip));
    EXPECT_EQ(caption_attributes(caption), row_of(named, clip)) << caption;
  }
}

TEST(CaptionAttributes, KnowWhatIsNoCaptionOfTheVocabulary) {
  EXPECT_FALSE(caption_attributes("two cats boxing on a stage"));
  EXPECT_FALSE(caption_attributes("a large red circle moving right"));
  EXPECT_FALSE(caption_attributes("a red and blue circle, small, moving left on a white background"));
  EXPECT_FALSE(caption_attributes(""));
}

TEST(ReadAttributes, FindNoObjectOnAnEmptyGround) {
  const MiniatureAttributes nothing = {-1, -1, -1, -1, 2};
  EXPECT_EQ(read_attributes(at::full({3, 64, 64, 3}, 236, at::kByte)), nothing);
}

}  // namespace
}  // namespace ditto
