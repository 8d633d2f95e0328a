#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/json_file.h"

namespace ditto {

/// A token that is recognised in the text itself, before any other cutting.
struct AddedToken {
  std::string content;
  std::int64_t id;
};

/// What Ditto takes from a tokenizer.json.
struct TokenizerJson {
  std::vector<AddedToken> added_tokens;
  /// Whether the space before a special token or at the end of the text is a piece of its own: no step drops it.
  bool keeps_trailing_space = false;
  /// The unigram model as a SentencePiece file has it, for folders without spiece.model; empty unless asked for.
  std::string sentencepiece_model;
};

/// Reads the file; throws Error(kBadInputFile) naming file and key for what is damaged or not supported.
TokenizerJson read_tokenizer_json(const std::filesystem::path& path, bool with_model);

/// Reads {"content": text, ...} of a token list; throws for a token that would be recognised as a whole word only.
AddedToken read_added_token(JsonReader& reader, std::int64_t id);

}  // namespace ditto
