#include "io/png_header.h"

#include <string>

extern "C" {
#include <libavutil/crc.h>
}

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kChunkFrame = 12;  // length, type, checksum
constexpr std::size_t kHeaderBytes = 13;
constexpr std::size_t kPathBytes = 4096;

std::uint32_t big_endian(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return value;
}

std::uint32_t checksum(std::string_view bytes) {
  const AVCRC* table = av_crc_get_table(AV_CRC_32_IEEE_LE);
  return ~av_crc(table, ~0u, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

PngHeader check_png(std::string_view bytes, const std::filesystem::path& path) {
  const auto fail = [&path](const std::string& problem) {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; accepted: a complete PNG of 8 bits per channel",
                                                     printable(path.native(), kPathBytes), problem));
  };
  if (!bytes.starts_with(kSignature)) fail("is no PNG image");
  PngHeader header;
  bool grey = false;
  std::size_t offset = kSignature.size();
  for (;;) {
    if (bytes.size() - offset < kChunkFrame) fail(fmt::format("ends inside a chunk at byte {}", bytes.size()));
    const std::size_t length = big_endian(bytes, offset);
    const std::string_view type = bytes.substr(offset + 4, 4);
    if (bytes.size() - offset - kChunkFrame < length) {
      fail(fmt::format("is truncated: the chunk at byte {} needs {} bytes and the file has {}", offset,
                       length + kChunkFrame, bytes.size() - offset));
    }
    if (checksum(bytes.substr(offset + 4, length + 4)) != big_endian(bytes, offset + 8 + length)) {
      fail(fmt::format("is damaged: wrong checksum in the chunk at byte {}", offset));
    }
    const bool first = offset == kSignature.size();
    if (first != (type == "IHDR") || (first && length != kHeaderBytes)) {
      fail(fmt::format("has a misplaced or missing header at byte {}", offset));
    }
    if (first) {
      header.width = big_endian(bytes, offset + 8);
      header.height = big_endian(bytes, offset + 12);
      header.bit_depth = static_cast<unsigned char>(bytes[offset + 16]);
      grey = bytes[offset + 17] == 0;
    }
    if (grey && type == "tRNS") header.grey_with_colour_key = true;
    offset += kChunkFrame + length;
    if (type == "IEND") break;
  }
  return header;
}

}  // namespace ditto
