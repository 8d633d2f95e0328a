#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// One prompt as a text encoder takes it.
struct TokenizedText {
  at::Tensor ids;            ///< int64 [max_length], padded on the right
  at::Tensor mask;           ///< int64 [max_length]: 1 on pieces and the end token, 0 on padding
  std::int64_t token_count;  ///< tokens of the whole text with the end token; more than max_length: it was truncated
};

/// The tokenizer of a diffusers folder (T5TokenizerFast): a SentencePiece unigram model, special tokens recognised in
/// the text, and an end token after it. Immutable and safe to use from several threads.
class Tokenizer {
 public:
  /// Reads tokenizer_config.json in `folder`, the model in spiece.model or else tokenizer.json, and what
  /// special_tokens_map.json and tokenizer.json say of special tokens. Throws Error(kBadInputFile) naming the file that
  /// is missing, corrupt or asks for something unsupported.
  explicit Tokenizer(const std::filesystem::path& folder);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Ids of the text and the end token, padded to `max_length`; a longer text is cut so that the end token stays.
  /// Throws Error(kUsage) when the text is not UTF-8 or contains NUL, or when max_length is below 1.
  TokenizedText encode(std::string_view text, int max_length) const;
  /// All ids of the text and the end token, neither cut nor padded.
  std::vector<std::int64_t> token_ids(std::string_view text) const;

  /// Longest input of the model in tokens, 512 where the folder does not say.
  int model_max_length() const;
  std::int64_t pad_id() const;
  std::int64_t end_id() const;
  /// Number of ids: 1 + the largest id that may occur.
  std::int64_t vocabulary_size() const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace ditto
