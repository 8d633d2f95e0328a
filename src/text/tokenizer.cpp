#include "text/tokenizer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sentencepiece_processor.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/input_file.h"
#include "io/json_file.h"
#include "text/sentencepiece_check.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"

namespace ditto {

namespace {

constexpr int kDefaultMaxLength = 512;
/// Transformers writes 1e30 for "no limit"; nothing near this is a real length either.
constexpr double kLargestMaxLength = 1e6;
/// SentencePiece's mark of a space: U+2581.
constexpr std::string_view kSpacePiece = "\u2581";
constexpr std::uint64_t kMaxModelBytes = std::uint64_t{1} << 28;

/// The text of a special token, which is written as a string or as {"content": string, ...}; empty where it is absent.
std::string token_text(JsonReader& reader, std::string_view key) {
  if (!reader.has(key)) return {};
  if (reader.value(key).is_object()) return reader.object(key).text("content");
  return reader.text(key);
}

std::int64_t read_token_id(const JsonReader& reader, const std::string& key) {
  const bool digits = !key.empty() && key.size() <= 9 &&
                      std::ranges::all_of(key, [](char character) { return character >= '0' && character <= '9'; });
  if (!digits) reader.fail(key, "is no token id", "a whole number");
  return std::stoll(key);
}

std::vector<AddedToken> tokens_of_config(JsonReader& config) {
  constexpr std::string_view kKey = "added_tokens_decoder";
  std::vector<AddedToken> tokens;
  if (!config.has(kKey)) return tokens;
  JsonReader decoder = config.object(kKey);
  for (const auto& entry : config.value(kKey).items()) {
    JsonReader token = decoder.object(entry.key());
    tokens.push_back(read_added_token(token, read_token_id(decoder, entry.key())));
  }
  return tokens;
}

}  // namespace

struct Tokenizer::State {
  sentencepiece::SentencePieceProcessor model;
  std::filesystem::path model_path;
  std::vector<AddedToken> added_tokens;  // longest first, so that the first match is the longest
  std::int64_t pad_id = 0;
  std::int64_t end_id = 0;
  int max_length = kDefaultMaxLength;
  bool keeps_trailing_space = false;

  explicit State(const std::filesystem::path& folder);
  void load_model(const std::filesystem::path& folder);
  void read_special_tokens(const std::filesystem::path& folder, JsonReader& config);
  std::int64_t special_id(const std::string& content, std::string_view key,
                          const std::filesystem::path& config_path) const;
  const AddedToken* added_token_at(std::string_view text) const;
  template <typename Piece>
  std::vector<Piece> pieces(std::string_view text) const;
  bool ends_in_space(std::string_view text) const;
  void append_ids(std::string_view text, std::vector<std::int64_t>& ids) const;
};

Tokenizer::State::State(const std::filesystem::path& folder) {
  load_model(folder);
  const std::filesystem::path config_path = folder / "tokenizer_config.json";
  const nlohmann::json document = read_json_file(config_path);
  JsonReader config(document, config_path.string());
  for (const std::string_view key : {"padding_side", "truncation_side"}) {
    const std::string side = config.text(key, "right");
    if (side != "right") config.fail(key, fmt::format("is '{}'", printable(side)), "right");
  }
  const double length = config.number("model_max_length", {1.0, std::numeric_limits<double>::max()}, kDefaultMaxLength);
  max_length = length > kLargestMaxLength ? kDefaultMaxLength : static_cast<int>(length);
  read_special_tokens(folder, config);
}

/// transformers 5 saves no spiece.model: tokenizer.json has all of it.
void Tokenizer::State::load_model(const std::filesystem::path& folder) {
  const std::filesystem::path json_path = folder / "tokenizer.json";
  const bool has_json = std::filesystem::exists(json_path);
  model_path = folder / "spiece.model";
  const bool from_json = has_json && !std::filesystem::exists(model_path);
  std::string contents;
  if (has_json) {
    TokenizerJson json = read_tokenizer_json(json_path, from_json);
    added_tokens = std::move(json.added_tokens);
    keeps_trailing_space = json.keeps_trailing_space;
    contents = std::move(json.sentencepiece_model);
  }
  if (from_json) {
    model_path = json_path;
  } else {
    contents = read_text_file(model_path, kMaxModelBytes);
  }
  if (!has_sound_tables(contents) || !model.LoadFromSerializedProto(contents).ok() || model.GetPieceSize() < 1) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: is not a SentencePiece model or is damaged; accepted: a SentencePiece model",
                            model_path.string()));
  }
}

void Tokenizer::State::read_special_tokens(const std::filesystem::path& folder, JsonReader& config) {
  if (std::vector<AddedToken> tokens = tokens_of_config(config); !tokens.empty()) added_tokens = std::move(tokens);

  std::string end = token_text(config, "eos_token");
  std::string pad = token_text(config, "pad_token");
  std::string unknown = token_text(config, "unk_token");
  const std::filesystem::path map_path = folder / "special_tokens_map.json";
  if (std::filesystem::exists(map_path)) {
    const nlohmann::json document = read_json_file(map_path);
    JsonReader map(document, map_path.string());
    if (end.empty()) end = token_text(map, "eos_token");
    if (pad.empty()) pad = token_text(map, "pad_token");
    if (unknown.empty()) unknown = token_text(map, "unk_token");
  }
  const std::filesystem::path config_path = folder / "tokenizer_config.json";
  end_id = special_id(end.empty() ? "</s>" : end, "eos_token", config_path);
  pad_id = special_id(pad.empty() ? "<pad>" : pad, "pad_token", config_path);
  if (added_tokens.empty()) {
    added_tokens = {{end.empty() ? "</s>" : end, end_id}, {pad.empty() ? "<pad>" : pad, pad_id}};
    added_tokens.push_back({unknown.empty() ? "<unk>" : unknown, model.unk_id()});
  }
  std::ranges::stable_sort(added_tokens, std::ranges::greater{}, [](const AddedToken& t) { return t.content.size(); });
}

std::int64_t Tokenizer::State::special_id(const std::string& content, std::string_view key,
                                          const std::filesystem::path& config_path) const {
  const auto added = std::ranges::find(added_tokens, content, &AddedToken::content);
  if (added != added_tokens.end()) return added->id;
  const int id = model.PieceToId(content);
  if (model.IsUnknown(id)) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: {}: '{}' is in neither the added tokens nor {}; accepted: a token of the vocabulary",
                            config_path.string(), key, printable(content), model_path.filename().string()));
  }
  return id;
}

const AddedToken* Tokenizer::State::added_token_at(std::string_view text) const {
  const auto found =
      std::ranges::find_if(added_tokens, [text](const AddedToken& t) { return text.starts_with(t.content); });
  return found == added_tokens.end() ? nullptr : &*found;
}

template <typename Piece>
std::vector<Piece> Tokenizer::State::pieces(std::string_view text) const {
  std::vector<Piece> result;
  if (!model.Encode(text, &result).ok()) {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: fails to encode a prompt; accepted: an undamaged "
                                                     "SentencePiece model",
                                                     model_path.string()));
  }
  return result;
}

/// Whether the text ends in a space once normalised, which SentencePiece then drops. It shows in how a letter behind
/// the text is cut: behind a space the letter is a word of its own. The letter before it keeps a lone space inside.
bool Tokenizer::State::ends_in_space(std::string_view text) const {
  const std::vector<std::string> cut = pieces<std::string>(fmt::format("a{}a", text));
  const std::string word = std::string(kSpacePiece) + "a";
  if (cut.back() == word) return true;
  return cut.size() > 1 && cut.back() == "a" && cut[cut.size() - 2] == kSpacePiece;
}

void Tokenizer::State::append_ids(std::string_view text, std::vector<std::int64_t>& ids) const {
  if (text.empty()) return;
  const std::vector<int> found = pieces<int>(text);
  ids.insert(ids.end(), found.begin(), found.end());
  if (keeps_trailing_space && ends_in_space(text)) ids.push_back(model.PieceToId(kSpacePiece));
}

Tokenizer::Tokenizer(const std::filesystem::path& folder) : state_(std::make_unique<const State>(folder)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<std::int64_t> Tokenizer::token_ids(std::string_view text) const {
  require_valid_utf8(text);
  std::vector<std::int64_t> ids;
  std::size_t segment_begin = 0;
  // Special tokens split the text, and what lies between them is tokenised as if it stood alone.
  for (std::size_t offset = 0; offset < text.size();) {
    const AddedToken* token = state_->added_token_at(text.substr(offset));
    if (token == nullptr) {
      ++offset;
      continue;
    }
    state_->append_ids(text.substr(segment_begin, offset - segment_begin), ids);
    ids.push_back(token->id);
    offset += token->content.size();
    segment_begin = offset;
  }
  state_->append_ids(text.substr(segment_begin), ids);
  ids.push_back(state_->end_id);
  return ids;
}

TokenizedText Tokenizer::encode(std::string_view text, int max_length) const {
  if (max_length < 1) {
    throw Error(ExitCode::kUsage, fmt::format("prompt length: {} tokens; accepted: 1 or more", max_length));
  }
  std::vector<std::int64_t> ids = token_ids(text);
  const auto token_count = static_cast<std::int64_t>(ids.size());
  const auto kept = std::min<std::int64_t>(token_count, max_length);
  ids.resize(static_cast<std::size_t>(kept));
  ids.back() = state_->end_id;

  TokenizedText result{at::full({max_length}, state_->pad_id, at::kLong), at::zeros({max_length}, at::kLong),
                       token_count};
  std::ranges::copy(ids, result.ids.mutable_data_ptr<std::int64_t>());
  std::fill_n(result.mask.mutable_data_ptr<std::int64_t>(), kept, 1);
  return result;
}

int Tokenizer::model_max_length() const { return state_->max_length; }
std::int64_t Tokenizer::pad_id() const { return state_->pad_id; }
std::int64_t Tokenizer::end_id() const { return state_->end_id; }

std::int64_t Tokenizer::vocabulary_size() const {
  std::int64_t size = state_->model.GetPieceSize();
  for (const AddedToken& token : state_->added_tokens) size = std::max(size, token.id + 1);
  return size;
}

}  // namespace ditto
