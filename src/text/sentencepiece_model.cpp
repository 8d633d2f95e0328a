#include "text/sentencepiece_model.h"

#include <bit>
#include <utility>

namespace ditto {

namespace {

// Field numbers of sentencepiece_model.proto.
constexpr int kModelPieces = 1;
constexpr int kModelTrainer = 2;
constexpr int kModelNormalizer = 3;
constexpr int kPieceText = 1;
constexpr int kPieceScore = 2;
constexpr int kPieceType = 3;
constexpr int kTrainerModelType = 3;
constexpr int kTrainerByteFallback = 35;
constexpr int kTrainerUnknownId = 40;
constexpr int kNormalizerCharsmap = 2;
constexpr std::uint64_t kUnigram = 1;

enum WireType { kVarint = 0, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& message, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) message += static_cast<char>(value | 0x80);
  message += static_cast<char>(value);
}

void append_tag(std::string& message, int field, WireType type) {
  append_varint(message, static_cast<std::uint64_t>(field) << 3 | type);
}

void append_number(std::string& message, int field, std::uint64_t value) {
  append_tag(message, field, kVarint);
  append_varint(message, value);
}

void append_bytes(std::string& message, int field, std::string_view bytes) {
  append_tag(message, field, kBytes);
  append_varint(message, bytes.size());
  message += bytes;
}

void append_float(std::string& message, int field, float value) {
  append_tag(message, field, kFixed32);
  for (auto bits = std::bit_cast<std::uint32_t>(value), count = std::uint32_t{4}; count > 0; --count, bits >>= 8) {
    message += static_cast<char>(bits & 0xFF);
  }
}

}  // namespace

void SentencePieceModelWriter::add_piece(std::string_view piece, float score, PieceType type) {
  std::string entry;
  append_bytes(entry, kPieceText, piece);
  append_float(entry, kPieceScore, score);
  append_number(entry, kPieceType, static_cast<std::uint64_t>(type));
  append_bytes(model_, kModelPieces, entry);
}

std::string SentencePieceModelWriter::finish(std::string_view charsmap, std::int64_t unknown_id, bool byte_fallback) {
  std::string trainer;
  append_number(trainer, kTrainerModelType, kUnigram);
  append_number(trainer, kTrainerByteFallback, byte_fallback ? 1 : 0);
  append_number(trainer, kTrainerUnknownId, static_cast<std::uint64_t>(unknown_id));
  append_bytes(model_, kModelTrainer, trainer);
  std::string normalizer;
  append_bytes(normalizer, kNormalizerCharsmap, charsmap);
  append_bytes(model_, kModelNormalizer, normalizer);
  return std::exchange(model_, {});
}

}  // namespace ditto
