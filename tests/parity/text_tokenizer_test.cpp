#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "io/json_file.h"
#include "test_paths.h"
#include "text/tokenizer.h"

namespace ditto {
namespace {

using Ids = std::vector<std::int64_t>;

Ids values(const at::Tensor& tensor) {
  const auto* data = tensor.const_data_ptr<std::int64_t>();
  return {data, data + tensor.numel()};
}

/// Whichever of spiece.model and tokenizer.json the pieces come from.
class TokenizerParity : public ::testing::TestWithParam<const char*> {};

TEST_P(TokenizerParity, EqualsTransformersOnTheFixture) {
  const nlohmann::json fixture = read_json_file(test::data_path("wan/tokenizer.json.strings.json"));
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / fmt::format("ditto-tokenizer-without-{}", GetParam());
  std::filesystem::remove_all(folder);
  std::filesystem::copy(test::model_path("wan-mini/tokenizer"), folder);
  if (*GetParam() != '\0') std::filesystem::remove(folder / GetParam());
  const Tokenizer tokenizer(folder);
  std::filesystem::remove_all(folder);
  const int max_length = fixture.at("max_length").get<int>();
  EXPECT_EQ(max_length, tokenizer.model_max_length());
  ASSERT_GE(fixture.at("cases").size(), 200u);
  for (const nlohmann::json& entry : fixture.at("cases")) {
    const auto cleaned = entry.at("cleaned").get<std::string>();
    const TokenizedText text = tokenizer.encode(cleaned, max_length);
    EXPECT_EQ(values(text.ids), entry.at("ids").get<Ids>()) << cleaned;
    EXPECT_EQ(values(text.mask), entry.at("mask").get<Ids>()) << cleaned;
    EXPECT_EQ(tokenizer.token_ids(cleaned), entry.at("all_ids").get<Ids>()) << cleaned;
    const auto typed = entry.at("text").get<std::string>();
    if (typed.find('\0') == std::string::npos) {
      EXPECT_EQ(tokenizer.token_ids(typed), entry.at("raw_ids").get<Ids>()) << typed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folder, TokenizerParity, ::testing::Values("", "spiece.model"),
                         [](const auto& info) { return *info.param == '\0' ? "Complete" : "WithoutSpieceModel"; });

TEST(TokenizerOfTransformers5, WithoutTokenizerJsonEqualsTransformers5) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "ditto-tokenizer-parity";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(test::model_path("wan-mini/tokenizer"), folder);
  std::filesystem::remove(folder / "tokenizer.json");
  const Tokenizer tokenizer(folder);
  const nlohmann::json fixture = read_json_file(test::data_path("wan/tokenizer.json.strings.json"));
  for (const nlohmann::json& entry : fixture.at("cases")) {
    const auto cleaned = entry.at("cleaned").get<std::string>();
    const nlohmann::json& expected =
        entry.contains("transformers_ids") ? entry.at("transformers_ids") : entry.at("ids");
    EXPECT_EQ(values(tokenizer.encode(cleaned, fixture.at("max_length").get<int>()).ids), expected.get<Ids>())
        << cleaned;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ditto
