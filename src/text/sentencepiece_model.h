#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ditto {

/// What a piece of a SentencePiece model is; values of sentencepiece_model.proto.
enum class PieceType : std::uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

/// Writes a SentencePiece unigram model in its file format (the protobuf message ModelProto), piece after piece.
class SentencePieceModelWriter {
 public:
  void add_piece(std::string_view piece, float score, PieceType type);
  /// The file's bytes. `charsmap` is the precompiled normalisation table, empty for none; `byte_fallback` says that
  /// unknown characters become byte pieces.
  std::string finish(std::string_view charsmap, std::int64_t unknown_id, bool byte_fallback);

 private:
  std::string model_;
};

}  // namespace ditto
