#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace ditto {

struct PngHeader {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int bit_depth = 0;
  bool grey_with_colour_key = false;  ///< one shade of grey is transparent, which decoders pass over
};

/// Walks the chunks of a PNG file in memory (PNG specification, section 5) before any of it is decompressed: signature,
/// lengths, checksums, a header in front, an end mark at the end. Throws Error(kBadInputFile) naming `path` and the
/// byte offset of what is wrong.
PngHeader check_png(std::string_view bytes, const std::filesystem::path& path);

}  // namespace ditto
