#include "text/tokenizer_json.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/printable.h"
#include "text/sentencepiece_model.h"

namespace ditto {

namespace {

constexpr std::int64_t kLargestId = 999'999'999;

using Steps = std::vector<const nlohmann::json*>;

/// The single steps of a normalizer or pre-tokenizer, which may be missing, one step or a sequence of them.
void collect_steps(const nlohmann::json& step, Steps& steps) {
  if (!step.is_object()) return;
  for (const std::string_view key : {"normalizers", "pretokenizers"}) {
    const auto inner = step.find(key);
    if (inner == step.end() || !inner->is_array()) continue;
    for (const nlohmann::json& entry : *inner) collect_steps(entry, steps);
    return;
  }
  steps.push_back(&step);
}

Steps steps_of(JsonReader& reader, std::string_view key) {
  Steps steps;
  if (reader.has(key)) collect_steps(reader.value(key), steps);
  return steps;
}

std::string type_of(const nlohmann::json& step) {
  const auto type = step.find("type");
  return type != step.end() && type->is_string() ? type->get<std::string>() : std::string();
}

bool has_step(const Steps& steps, std::string_view type) {
  return std::ranges::any_of(steps, [type](const nlohmann::json* step) { return type_of(*step) == type; });
}

/// Refuses steps that SentencePiece's own normalisation (its table, then single spaces, none at the ends) lacks.
void require_steps(const JsonReader& reader, std::string_view key, const Steps& steps,
                   std::initializer_list<std::string_view> accepted) {
  for (const nlohmann::json* step : steps) {
    const std::string type = type_of(*step);
    if (std::ranges::find(accepted, type) != accepted.end()) continue;
    reader.fail(key, fmt::format("has a step of type '{}'", printable(type)),
                fmt::format("{}", fmt::join(accepted, ", ")));
  }
}

int base64_digit(char character) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t digit = kDigits.find(character);
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

/// The normalisation table of the Precompiled step, empty without one.
std::string read_charsmap(const JsonReader& reader, const Steps& normalizers) {
  std::string bytes;
  for (const nlohmann::json* step : normalizers) {
    const auto text = step->find("precompiled_charsmap");
    if (text == step->end() || !text->is_string()) continue;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char character : text->get_ref<const std::string&>()) {
      if (character == '=') break;
      const int digit = base64_digit(character);
      if (digit < 0) reader.fail("normalizer.precompiled_charsmap", "is damaged", "base64");
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return bytes;
}

bool is_byte_piece(std::string_view piece) {
  return piece.size() == 6 && piece.starts_with("<0x") && piece.back() == '>';
}

std::string build_model(JsonReader& reader, const TokenizerJson& tokenizer, const Steps& normalizers) {
  JsonReader model = reader.object("model");
  const nlohmann::json& vocabulary = model.value("vocab");
  if (!vocabulary.is_array() || vocabulary.empty()) model.fail("vocab", "is no list", "a list of [piece, score]");
  const auto last_id = static_cast<std::int64_t>(vocabulary.size()) - 1;
  const std::int64_t unknown_id = model.integer("unk_id", {0, last_id});
  const bool byte_fallback = model.boolean("byte_fallback", false);

  std::set<std::int64_t> added_ids;
  for (const AddedToken& token : tokenizer.added_tokens) added_ids.insert(token.id);
  SentencePieceModelWriter writer;
  for (std::int64_t id = 0; id <= last_id; ++id) {
    const nlohmann::json& entry = vocabulary[static_cast<std::size_t>(id)];
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      model.fail("vocab", fmt::format("entry {} is malformed", id), "[piece, score]");
    }
    const auto& piece = entry[0].get_ref<const std::string&>();
    PieceType type = PieceType::kNormal;
    if (added_ids.contains(id)) {
      type = PieceType::kControl;
    } else if (byte_fallback && is_byte_piece(piece)) {
      type = PieceType::kByte;
    }
    if (id == unknown_id) type = PieceType::kUnknown;
    writer.add_piece(piece, entry[1].get<float>(), type);
  }
  return writer.finish(read_charsmap(reader, normalizers), unknown_id, byte_fallback);
}

}  // namespace

AddedToken read_added_token(JsonReader& reader, std::int64_t id) {
  AddedToken token{reader.text("content"), id};
  if (token.content.empty()) reader.fail("content", "is empty", "the text of the token");
  if (reader.boolean("single_word", false)) reader.fail("single_word", "is true", "false");
  return token;
}

TokenizerJson read_tokenizer_json(const std::filesystem::path& path, bool with_model) {
  const nlohmann::json document = read_json_file(path);
  JsonReader reader(document, path.string());
  const std::string type = reader.object("model").text("type", "Unigram");
  if (type != "Unigram") reader.fail("model.type", fmt::format("is '{}'", printable(type)), "Unigram");

  TokenizerJson tokenizer;
  const Steps normalizers = steps_of(reader, "normalizer");
  const Steps pre_tokenizers = steps_of(reader, "pre_tokenizer");
  require_steps(reader, "normalizer", normalizers, {"Precompiled", "Replace", "Strip"});
  require_steps(reader, "pre_tokenizer", pre_tokenizers, {"Metaspace", "WhitespaceSplit"});
  tokenizer.keeps_trailing_space = !has_step(normalizers, "Strip") && !has_step(pre_tokenizers, "WhitespaceSplit");
  if (reader.has("added_tokens")) {
    for (JsonReader& token : reader.objects("added_tokens")) {
      const std::int64_t id = token.integer("id", {0, kLargestId});
      tokenizer.added_tokens.push_back(read_added_token(token, id));
    }
  }
  if (with_model) tokenizer.sentencepiece_model = build_model(reader, tokenizer, normalizers);
  return tokenizer;
}

}  // namespace ditto
