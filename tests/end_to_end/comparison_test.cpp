// dit-eval compare from outside.
#include "end_to_end/evaluated.h"

namespace ditto::test {
namespace {

TEST_F(Evaluated, AComparisonIsOneObject) {
  ASSERT_EQ(dit_gen(tiny() + Arguments{"-o", "clip.mp4"}, scratch_.here()).exit_code, kDone);
  const Arguments compare = {"compare", "clip.mp4", "clip.mp4"};
  const Finished scored = dit_eval(compare + Arguments{"--json", "--through-codec", "crf=25"}, scratch_.here());
  ASSERT_EQ(scored.exit_code, kDone) << scored.err;
  ASSERT_EQ(scored.events().size(), 1U) << scored.out;
  const json object = scored.events().front();
  EXPECT_FALSE(object.contains("event"));
  EXPECT_EQ(object["psnr"]["mean"], 100);
  EXPECT_TRUE(object["convention"].is_string());
  EXPECT_EQ(object["frames"], "raw");
  EXPECT_EQ(object["through_codec"]["frames"], "crf=25");
  EXPECT_EQ(object["through_codec"]["psnr"]["mean"], 100);
  const bool missing = !object.contains("lpips-alex");
  EXPECT_EQ(object.contains("unavailable") && object["unavailable"].contains("lpips-alex"), missing);
  EXPECT_EQ(bool(contains(scored.err, "lpips-alex is left out: ")), missing);

  const json named = dit_eval(compare + Arguments{"--json", "--metrics", "psnr"}, scratch_.here()).events().at(0);
  EXPECT_FALSE(named.contains("unavailable"));
  EXPECT_FALSE(named.contains("through_codec"));
}

TEST_F(Evaluated, AMetricThatIsNotDefinedForTheClipsIsNamedInTheObject) {
  write_safetensors(scratch_ / "small.safetensors", "frames", "U8", {1, 8, 8, 3}, 1);
  const Arguments compare = {"compare", "small.safetensors", "small.safetensors"};
  const Finished scored = dit_eval(compare + Arguments{"--json"}, scratch_.here());
  ASSERT_EQ(scored.exit_code, kDone) << scored.err;
  ASSERT_EQ(scored.events().size(), 1U) << scored.out;
  const json object = scored.events().front();
  EXPECT_EQ(object["psnr"]["mean"], 100);
  EXPECT_FALSE(object.contains("ssim"));
  EXPECT_TRUE(object["unavailable"]["ssim"].is_string()) << "no side under 11 pixels";
  EXPECT_TRUE(contains(scored.err, "ssim is left out: "));
  EXPECT_EQ(dit_eval(compare + Arguments{"--json", "-q"}, scratch_.here()).err, "");
}

TEST_F(Evaluated, APathTooLongIsABadInputFile) {
  write_safetensors(scratch_ / "clip.safetensors", "frames", "U8", {5, 64, 64, 3}, 1);
  const Finished refused = dit_eval({"compare", std::string(5000, 'a'), "clip.safetensors"}, scratch_.here());
  EXPECT_EQ(refused.exit_code, kBadInputFile) << refused.err;
  EXPECT_EQ(lines_of(refused.err).size(), 1U) << "cut, but one line";
}

TEST_F(Evaluated, OptionsWithoutEffectOnLatentsAreRefused) {
  write_safetensors(scratch_ / "a.safetensors", "latents", "F32", {1, 16, 2, 8, 8}, 4);
  const Arguments compare = {"compare", "a.safetensors", "a.safetensors"};
  ASSERT_EQ(dit_eval(compare, scratch_.here()).exit_code, kDone);
  for (const Arguments& option : {Arguments{"--align"}, {"--through-codec", "crf=25"}}) {
    const Finished refused = dit_eval(compare + option, scratch_.here());
    EXPECT_EQ(refused.exit_code, kUsage);
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
    EXPECT_TRUE(contains(refused.err, option.front() + ": has no effect on latents; accepted: frames"));
  }
}

TEST_F(Evaluated, LatentsThatAreNotFiniteAreABadInputFile) {
  write_safetensors(scratch_ / "a.safetensors", "latents", "F32", {1, 16, 2, 8, 8}, 4);
  std::string bytes = read_file(scratch_ / "a.safetensors");
  bytes.replace(bytes.size() - 4, 4, "\0\0\xc0\x7f", 4);
  write_file(scratch_ / "nan.safetensors", bytes);
  const Finished refused = dit_eval({"compare", "a.safetensors", "nan.safetensors"}, scratch_.here());
  EXPECT_EQ(refused.exit_code, kBadInputFile) << refused.err;
  EXPECT_TRUE(contains(refused.err, "nan.safetensors: tensor 'latents': has NaN or infinite values"));
}

}  // namespace
}  // namespace ditto::test
