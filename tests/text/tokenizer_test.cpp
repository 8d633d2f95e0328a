#include "text/tokenizer.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "test_paths.h"
#include "text/sentencepiece_check.h"

namespace ditto {
namespace {

using Ids = std::vector<std::int64_t>;

const std::filesystem::path kFolder = test::model_path("wan-mini/tokenizer");

/// A copy of the miniature's tokenizer folder to damage.
class TokenizerFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = std::filesystem::path(::testing::TempDir()) / ("ditto-tokenizer-" + test);
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(kFolder, folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& contents) const {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void expect_refused(const std::string& file, const std::string& part) const {
    try {
      Tokenizer{folder_};
      FAIL() << "accepted; expected a message about " << part;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      EXPECT_TRUE(message.starts_with((folder_ / file).string())) << message;
      EXPECT_NE(message.find(part), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  std::filesystem::path folder_;
};

TEST(Tokenizer, ReadsTheModelsValues) {
  const Tokenizer tokenizer(kFolder);
  EXPECT_EQ(tokenizer.model_max_length(), 24);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.end_id(), 1);
  EXPECT_EQ(tokenizer.vocabulary_size(), 131);
}

TEST(Tokenizer, PadsWithAMaskOverPiecesAndEnd) {
  const TokenizedText text = Tokenizer(kFolder).encode("a red circle", 6);
  EXPECT_TRUE(at::equal(text.ids, at::tensor({3, 51, 69, 1, 0, 0}, at::kLong)));
  EXPECT_TRUE(at::equal(text.mask, at::tensor({1, 1, 1, 1, 0, 0}, at::kLong)));
  EXPECT_EQ(text.token_count, 4);
}

TEST(Tokenizer, TruncationKeepsTheEndToken) {
  const Tokenizer tokenizer(kFolder);
  const TokenizedText text = tokenizer.encode("a red circle", 3);
  EXPECT_TRUE(at::equal(text.ids, at::tensor({3, 51, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(text.mask, at::tensor({1, 1, 1}, at::kLong)));
  EXPECT_EQ(text.token_count, 4);
  EXPECT_TRUE(at::equal(tokenizer.encode("a red circle", 1).ids, at::tensor({1}, at::kLong)));
  EXPECT_TRUE(at::equal(tokenizer.encode("", 2).ids, at::tensor({1, 0}, at::kLong)));
}

TEST(Tokenizer, SpecialTokensInTheTextSplitIt) {
  const Tokenizer tokenizer(kFolder);
  EXPECT_EQ(tokenizer.token_ids("a red</s> circle"), (Ids{3, 51, 1, 69, 1}));
  EXPECT_EQ(tokenizer.token_ids("a red</s>circle"), (Ids{3, 51, 1, 69, 1}));
  EXPECT_EQ(tokenizer.token_ids("a<unk>b<pad>c"), (Ids{3, 2, 12, 64, 0, 36, 1}));
  EXPECT_EQ(tokenizer.token_ids("</s"), tokenizer.token_ids("  </s")) << "no special token";
}

TEST(Tokenizer, UnknownCharactersFuse) {
  EXPECT_EQ(Tokenizer(kFolder).token_ids("\u65E5\u672C x"), (Ids{12, 2, 12, 88, 1}));
}

TEST(Tokenizer, IsSafeFromSeveralThreads) {
  const Tokenizer tokenizer(kFolder);
  const Ids expected = tokenizer.token_ids("a small red circle moving left");
  std::vector<int> equal(4, 0);
  {
    std::vector<std::jthread> threads;
    for (int& count : equal) {
      threads.emplace_back([&] {
        for (int repeat = 0; repeat < 50; ++repeat) {
          count += tokenizer.token_ids("a small red circle moving left") == expected;
        }
      });
    }
  }
  EXPECT_EQ(equal, std::vector<int>(4, 50));
}

TEST(Tokenizer, RefusesBadCalls) {
  const Tokenizer tokenizer(kFolder);
  EXPECT_THROW(tokenizer.encode("a", 0), Error);
  EXPECT_THROW(tokenizer.token_ids("\xFF"), Error);
}

TEST_F(TokenizerFolder, MissingOrDamagedModelIsRefused) {
  write("spiece.model", "not a model");
  expect_refused("spiece.model", "not a SentencePiece model");
  write("spiece.model", "");
  expect_refused("spiece.model", "not a SentencePiece model");
  std::filesystem::copy_file(kFolder / "spiece.model", folder_ / "spiece.model",
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(folder_ / "spiece.model", 1000);
  expect_refused("spiece.model", "not a SentencePiece model");
  std::filesystem::remove(folder_ / "spiece.model");
  std::filesystem::remove(folder_ / "tokenizer.json");
  expect_refused("spiece.model", "");
}

TEST_F(TokenizerFolder, ANormalisationTableThatLeadsOutOfItselfIsRefused) {
  // SentencePiece itself would walk it unchecked.
  const std::string whole = read("spiece.model");
  ASSERT_TRUE(has_sound_tables(whole));
  const std::string units(1024, '\x7f'), texts("a\0b", 4);
  const std::string size("\x00\x04\x00\x00", 4), table = size + units + texts;
  ASSERT_EQ(table.size(), 1032U);
  const std::string charsmap = std::string("\x12\x88\x08", 3) + table;       // field 2, 1032 bytes
  const std::string normalizer = std::string("\x1a\x8b\x08", 3) + charsmap;  // field 3, 1035 bytes
  for (const std::string& model : {whole + normalizer, whole + '\x1a', whole + "\x1a\x7f"}) {
    EXPECT_FALSE(has_sound_tables(model));
    write("spiece.model", model);
    expect_refused("spiece.model", "not a SentencePiece model");
  }
}

TEST_F(TokenizerFolder, DamagedConfigIsRefused) {
  write("tokenizer_config.json", "{");
  expect_refused("tokenizer_config.json", "");
  write("tokenizer_config.json", R"({"padding_side": "left"})");
  expect_refused("tokenizer_config.json", "padding_side: is 'left'; accepted: right");
  write("tokenizer_config.json", R"({"eos_token": "<nowhere>"})");
  expect_refused("tokenizer_config.json", "'<nowhere>' is in neither the added tokens nor spiece.model");
  write("tokenizer_config.json", R"({"model_max_length": "long"})");
  expect_refused("tokenizer_config.json", "model_max_length");
  write("tokenizer_config.json", R"({"added_tokens_decoder": {"first": {"content": "</s>"}}})");
  expect_refused("tokenizer_config.json", "first");
  write("tokenizer_config.json", R"({"added_tokens_decoder": {"1": {"content": "</s>", "single_word": true}}})");
  expect_refused("tokenizer_config.json", "single_word");
  std::filesystem::remove(folder_ / "tokenizer_config.json");
  expect_refused("tokenizer_config.json", "");
}

TEST_F(TokenizerFolder, LengthIs512WhereTheFolderNamesNone) {
  write("tokenizer_config.json", "{}");
  EXPECT_EQ(Tokenizer(folder_).model_max_length(), 512);
  write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(Tokenizer(folder_).model_max_length(), 512);
}

TEST_F(TokenizerFolder, AddedTokensOfTheConfigComeFirst) {
  write("tokenizer_config.json", R"({"eos_token": {"content": "</s>", "lstrip": false}, "added_tokens_decoder": {
      "0": {"content": "<pad>"}, "1": {"content": "</s>"}, "500": {"content": "<extra>"}, "501": {"content": "<extra>2"}}})");
  const Tokenizer tokenizer(folder_);
  EXPECT_EQ(tokenizer.token_ids("a<extra>red<extra>2"), (Ids{3, 500, 51, 501, 1})) << "the longest token wins";
  EXPECT_EQ(tokenizer.vocabulary_size(), 502);
}

TEST_F(TokenizerFolder, ASpaceBeforeASpecialTokenIsKeptUnlessTheFolderDropsIt) {
  const std::string model = R"({"model": {"type": "Unigram"}, "pre_tokenizer": )";
  write("tokenizer.json", model + R"({"type": "Metaspace"}})");
  EXPECT_EQ(Tokenizer(folder_).token_ids("a </s> \u200B"), (Ids{3, 12, 1, 12, 1}));
  EXPECT_EQ(Tokenizer(folder_).token_ids("a</s>\x07"), (Ids{3, 1, 1})) << "a character that vanishes is no space";
  write("tokenizer.json",
        model + R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace"}]}})");
  EXPECT_EQ(Tokenizer(folder_).token_ids("a </s> "), (Ids{3, 1, 1}));
  write("tokenizer.json", R"({"model": {"type": "BPE"}})");
  expect_refused("tokenizer.json", "model.type: is 'BPE'; accepted: Unigram");
}

TEST_F(TokenizerFolder, DamagedTokenizerJsonIsRefused) {
  std::filesystem::remove(folder_ / "spiece.model");
  const auto model = [this](const std::string& members) { write("tokenizer.json", R"({"model": {)" + members + "}}"); };
  model(R"("unk_id": 0)");
  expect_refused("tokenizer.json", "model.vocab");
  model(R"("unk_id": 0, "vocab": {"a": 1})");
  expect_refused("tokenizer.json", "model.vocab");
  model(R"("unk_id": 0, "vocab": [["<unk>", 0], ["a"]])");
  expect_refused("tokenizer.json", "model.vocab: entry 1 is malformed");
  model(R"("unk_id": 2, "vocab": [["<unk>", 0], ["a", -1]])");
  expect_refused("tokenizer.json", "model.unk_id");
  model(R"("vocab": [["<unk>", 0]])");
  expect_refused("tokenizer.json", "model.unk_id");
  model(R"("unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["a", -2]])");
  expect_refused("tokenizer.json", "damaged");
  write("tokenizer.json", R"({"model": {"unk_id": 0, "vocab": [["<unk>", 0]]}, "normalizer": {"type": "Lowercase"}})");
  expect_refused("tokenizer.json", "normalizer: has a step of type 'Lowercase'");
  write("tokenizer.json", R"({"model": {"unk_id": 0, "vocab": [["<unk>", 0]]},
      "normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"}})");
  expect_refused("tokenizer.json", "normalizer.precompiled_charsmap");
}

TEST_F(TokenizerFolder, ByteFallbackSpellsUnknownCharacters) {
  std::filesystem::remove(folder_ / "spiece.model");
  std::string vocabulary = R"(["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["\u2581a", -1])";
  for (int byte = 0; byte < 256; ++byte) vocabulary += fmt::format(R"(, ["<0x{:02X}>", 0])", byte);
  write("tokenizer.json", R"({"model": {"unk_id": 2, "byte_fallback": true, "vocab": [)" + vocabulary + "]}}");
  EXPECT_EQ(Tokenizer(folder_).token_ids("a\u00E9"), (Ids{3, 4 + 0xC3, 4 + 0xA9, 1}));
}

TEST_F(TokenizerFolder, ModelAndConfigAreEnough) {
  std::filesystem::remove(folder_ / "tokenizer.json");
  std::filesystem::remove(folder_ / "special_tokens_map.json");
  EXPECT_EQ(Tokenizer(folder_).token_ids("a <unk>b <pad> c</s>"), (Ids{3, 2, 12, 64, 0, 36, 1, 1}));
}

}  // namespace
}  // namespace ditto
