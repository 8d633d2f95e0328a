#include "io/sha256.h"

#include <array>
#include <cstdint>
#include <new>
#include <vector>

extern "C" {
#include <libavutil/mem.h>
#include <libavutil/sha.h>
}

#include <fmt/format.h>

#include "io/input_file.h"

namespace ditto {

void Sha256::Free::operator()(AVSHA* context) const { av_free(context); }

Sha256::Sha256() : context_(av_sha_alloc()) {
  if (!context_) throw std::bad_alloc();
  av_sha_init(context_.get(), 256);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(const void* data, std::size_t bytes) {
  av_sha_update(context_.get(), static_cast<const std::uint8_t*>(data), bytes);
}

std::string Sha256::hex() {
  std::array<std::uint8_t, 32> digest{};
  av_sha_final(context_.get(), digest.data());
  std::string text;
  for (const std::uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  constexpr std::size_t kPieceBytes = 1u << 20;
  const InputFile file(path);
  Sha256 digest;
  std::vector<char> piece(kPieceBytes);
  std::uint64_t offset = 0;
  while (const std::size_t got = file.read_at(offset, piece.data(), piece.size())) {
    digest.update(piece.data(), got);
    offset += got;
  }
  file.require_unchanged();
  return digest.hex();
}

}  // namespace ditto
