#include "models/wan/text_encoder.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "numeric.h"
#include "test_paths.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"
#include "tolerances.h"

namespace ditto {
namespace {

using test::cosine;
using test::error_in_ulps;
using test::relative_error;
using test::tolerance::kUnitFloat32;

const std::filesystem::path kFolder = test::data_path("wan/text-encoder");

class TextEncoderParity : public ::testing::Test {
 protected:
  at::Tensor fixture(std::string_view name) const { return fixture_.tensor(name); }

  SafetensorsFile fixture_{kFolder / "forward.safetensors"};
  at::Tensor ids_ = fixture("input_ids");
  at::Tensor mask_ = fixture("attention_mask");
};

TEST_F(TextEncoderParity, Float32HiddenStateEqualsTransformers) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kFloat);
  const at::Tensor expected = fixture("last_hidden_state");
  const at::Tensor hidden = encoder.encode(ids_, mask_);
  ASSERT_EQ(hidden.sizes(), expected.sizes());
  ASSERT_EQ(hidden.scalar_type(), at::kFloat);
  EXPECT_LE(relative_error(hidden, expected), kUnitFloat32);
  EXPECT_FALSE(encoder.first_non_finite().has_value());
}

TEST_F(TextEncoderParity, PromptEmbedsAreZeroBeyondTheMask) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kFloat);
  const at::Tensor expected = fixture("prompt_embeds");
  const at::Tensor embeds = encoder.prompt_embeds(ids_, mask_);
  EXPECT_LE(relative_error(embeds, expected), kUnitFloat32);
  EXPECT_TRUE(at::equal(zero_beyond_mask(fixture("last_hidden_state"), mask_), expected));
}

TEST_F(TextEncoderParity, ShortPromptAloneEqualsItsRowOfTheBatch) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kFloat);
  const at::Tensor expected = fixture("prompt_embeds");
  for (std::int64_t row = 0; row < ids_.size(0); ++row) {
    const at::Tensor alone = encoder.prompt_embeds(ids_.narrow(0, row, 1), mask_.narrow(0, row, 1));
    ASSERT_EQ(alone.sizes(), expected.narrow(0, row, 1).sizes());
    EXPECT_LE(relative_error(alone, expected.narrow(0, row, 1)), kUnitFloat32) << row;
  }
}

TEST_F(TextEncoderParity, Bfloat16HiddenStateEqualsTransformers) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kBFloat16);
  const at::Tensor hidden = zero_beyond_mask(encoder.encode(ids_, mask_), mask_);
  const at::Tensor python = zero_beyond_mask(fixture("bf16.last_hidden_state"), mask_);
  const at::Tensor exact = zero_beyond_mask(fixture("last_hidden_state"), mask_);
  ASSERT_EQ(hidden.scalar_type(), at::kBFloat16);
  EXPECT_LE(error_in_ulps(hidden, python), test::tolerance::kBfloat16Ulps);
  EXPECT_GE(cosine(hidden, python), test::tolerance::kBfloat16Cosine);
  EXPECT_LE(relative_error(hidden, exact), test::tolerance::kBfloat16ErrorRatio * relative_error(python, exact));
}

TEST_F(TextEncoderParity, HalfPrecisionStaysNearFloat32) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kHalf);
  const at::Tensor hidden = zero_beyond_mask(encoder.encode(ids_, mask_), mask_);
  const at::Tensor exact = zero_beyond_mask(fixture("last_hidden_state"), mask_);
  ASSERT_EQ(hidden.scalar_type(), at::kHalf);
  EXPECT_LE(relative_error(hidden, exact),
            relative_error(zero_beyond_mask(fixture("bf16.last_hidden_state"), mask_), exact))
      << "fp16 has three bits more than bf16";
}

TEST_F(TextEncoderParity, BucketsEqualTheTable) {
  const Umt5Config config = Umt5Config::read(kFolder / "config.json");
  const at::Tensor positions = fixture("relative_position");
  const at::Tensor buckets = fixture("relative_position_bucket");
  ASSERT_EQ(positions.numel(), 301);
  for (std::int64_t index = 0; index < positions.numel(); ++index) {
    const auto position = positions[index].item<std::int64_t>();
    EXPECT_EQ(relative_position_bucket(position, config), buckets[index].item<std::int64_t>()) << position;
  }
}

TEST_F(TextEncoderParity, SeveralThreadsGetTheSameBits) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kFloat);
  const at::Tensor expected = encoder.encode(ids_, mask_);
  std::vector<int> equal(3, 0);
  {
    std::vector<std::jthread> threads;
    for (int& count : equal) {
      threads.emplace_back([&] {
        for (int repeat = 0; repeat < 5; ++repeat) count += at::equal(encoder.encode(ids_, mask_), expected);
      });
    }
  }
  EXPECT_EQ(equal, std::vector<int>(3, 5));
}

TEST_F(TextEncoderParity, AnIdOutsideTheVocabularyIsRefused) {
  const Umt5Encoder encoder = Umt5Encoder::load(kFolder, at::kFloat);
  const at::Tensor ids = at::full({1, 2}, 131, at::kLong);
  try {
    encoder.encode(ids, at::ones_like(ids));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
    EXPECT_NE(std::string(error.what()).find("token id 131 is outside the vocabulary; accepted: ids 0 to 130"),
              std::string::npos)
        << error.what();
  }
}

TEST(TextParity, FromPromptToEmbeddingsEqualsThePipeline) {
  const std::filesystem::path folder = test::data_path("wan/tiny-pipeline");
  const SafetensorsFile runs(folder / "runs.safetensors");
  const Tokenizer tokenizer(folder / "tokenizer");
  const Umt5Encoder encoder = Umt5Encoder::load(folder / "text_encoder", at::kFloat);
  for (const std::string name : {"prompt", "negative"}) {
    const std::string key = name == "prompt" ? "prompt" : "negative_prompt";
    const std::string prompt = clean_prompt(runs.metadata().at(key), PromptCleaning::kFtfyLite);
    const at::Tensor expected_ids = runs.tensor(name + "_ids");
    const TokenizedText text = tokenizer.encode(prompt, static_cast<int>(expected_ids.size(1)));
    EXPECT_TRUE(at::equal(text.ids.unsqueeze(0), expected_ids)) << prompt;
    EXPECT_TRUE(at::equal(text.mask.unsqueeze(0), runs.tensor(name + "_mask"))) << prompt;
    const at::Tensor expected = runs.tensor(key + "_embeds");
    const at::Tensor embeds = encoder.prompt_embeds(text.ids.unsqueeze(0), text.mask.unsqueeze(0));
    EXPECT_LE(relative_error(embeds, expected), kUnitFloat32) << prompt;
  }
}

/// A text-encoder folder whose config or weights are changed.
class TextEncoderFolder : public TextEncoderParity {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = std::filesystem::path(::testing::TempDir()) / ("ditto-text-encoder-" + test);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::filesystem::copy_file(kFolder / "config.json", folder_ / "config.json");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void change_config(const std::string& key, const nlohmann::json& value) const {
    nlohmann::json config = read_json_file(kFolder / "config.json");
    config[key] = value;
    std::ofstream(folder_ / "config.json") << config;
  }
  /// Copies the weights; a tensor named `from` is left out or, when `to` is not empty, stored under that name.
  void write_weights(std::string_view from, const std::string& to) const {
    const SafetensorsFile original(kFolder / "model.safetensors");
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const std::string& name : original.names()) {
      if (name == from && to.empty()) continue;
      tensors.emplace_back(name == from ? to : name, original.tensor(name));
    }
    save_safetensors(folder_ / "model.safetensors", tensors);
  }
  void expect_refused(const std::string& part) const {
    try {
      Umt5Encoder::load(folder_, at::kFloat);
      FAIL() << "accepted; expected a message about " << part;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      EXPECT_NE(message.find(folder_.string()), std::string::npos) << message;
      EXPECT_NE(message.find(part), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  std::filesystem::path folder_;
};

TEST_F(TextEncoderFolder, EmbeddingUnderItsOtherNameIsRead) {
  ASSERT_NE(SafetensorsFile(kFolder / "model.safetensors").find("shared.weight"), nullptr);
  write_weights("shared.weight", "encoder.embed_tokens.weight");
  const at::Tensor expected = Umt5Encoder::load(kFolder, at::kFloat).encode(ids_, mask_);
  EXPECT_TRUE(at::equal(Umt5Encoder::load(folder_, at::kFloat).encode(ids_, mask_), expected));
}

TEST_F(TextEncoderFolder, MissingAndSurplusTensorsAreNamed) {
  write_weights("encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", "");
  expect_refused("encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight");
  write_weights("encoder.final_layer_norm.weight", "encoder.other.weight");
  expect_refused("encoder.other.weight");
}

TEST_F(TextEncoderFolder, UnsupportedConfigValuesAreNamed) {
  write_weights("", "");
  change_config("feed_forward_proj", "relu");
  expect_refused("feed_forward_proj");
  change_config("dense_act_fn", "silu");
  expect_refused("dense_act_fn");
  change_config("model_type", "t5");
  expect_refused("model_type");
  change_config("is_decoder", true);
  expect_refused("is_decoder");
  change_config("num_layers", 0);
  expect_refused("num_layers");
  change_config("d_model", nullptr);
  expect_refused("d_model");
  change_config("relative_attention_num_buckets", 30);
  expect_refused("relative_attention_num_buckets");
  change_config("d_ff", 50);
  expect_refused("encoder.block.0.layer.1.DenseReluDense.wi_0.weight");
}

}  // namespace
}  // namespace ditto
