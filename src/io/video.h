#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/core/Tensor.h>

#include "io/atomic_file.h"

namespace ditto {

struct VideoOptions {
  int fps = 16;
  /// Kept in the tags `title` and `comment`, from where `read_video_info` returns them; empty ones are not written.
  std::string title;
  std::string metadata_json;
  /// Quality, 0 (best) to 51, on libx264's scale of constant rate factors; 10 is near what Wan's own saver uses.
  double crf = 10;
  /// Encoder to insist on; empty takes the first of libx264, libopenh264 and mpeg4 that works.
  std::string encoder;
  Existing existing = Existing::kReplace;
};

/// What a video file says about itself.
struct VideoInfo {
  int width = 0;
  int height = 0;
  std::int64_t frame_count = 0;  ///< 0 when the container does not say
  double fps = 0;
  std::string codec;
  std::string title;
  std::string metadata_json;  ///< the `comment` tag as it stands, which for a foreign file need not be JSON
};

struct Video {
  at::Tensor frames;  ///< uint8 [T,H,W,3], RGB, on the CPU
  VideoInfo info;
};

/// Writes uint8 frames [T,H,W,3] (RGB, CPU, T > 0) as an mp4 with its index in front, BT.601 limited range and tagged
/// so, 4:2:0; a clip with an odd side is 4:4:4 where the encoder can, so that every size is kept exactly. Equal frames
/// and options give equal bytes with one FFmpeg build. The file appears complete or not at all. Throws Error(kUsage)
/// for bad options and Error(kOutputFailed) when no encoder works or the file cannot be written.
void write_video(const std::filesystem::path& path, const at::Tensor& frames, const VideoOptions& options = {});

/// Largest size of decoded frames that `read_video` accepts unless told otherwise.
inline constexpr std::int64_t kMaxVideoBytes = std::int64_t{8} << 30;

/// Every frame of the first video stream of a local mp4, mov, mkv, webm or avi file, converted to RGB by the matrix and
/// range its tags name (BT.601 limited when they name none). Throws Error(kBadInputFile) for a file that is no video,
/// is truncated or damaged anywhere, has no frames, changes size, or decodes to more than `max_bytes`.
Video read_video(const std::filesystem::path& path, std::int64_t max_bytes = kMaxVideoBytes);

/// The same file's description, without decoding its frames; throws as `read_video` does for what the header shows.
VideoInfo read_video_info(const std::filesystem::path& path);

}  // namespace ditto
