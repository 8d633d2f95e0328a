#include "apps/dit_eval/clip_source.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/file_extension.h"
#include "io/image.h"
#include "io/non_finite.h"
#include "io/safetensors.h"
#include "io/video.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const ClipSource& candidate, const std::string& problem, const std::string& accepted) {
  throw Error(ExitCode::kUsage,
              fmt::format("{}: {}; accepted: {}", printable(candidate.path.string(), 4096), problem, accepted));
}

std::string size_of(const at::Tensor& frames) { return fmt::format("{}x{} pixels", frames.size(2), frames.size(1)); }

at::Tensor frames_of(const SafetensorsFile& file) {
  const at::Tensor frames = file.tensor("frames");
  if (frames.dim() != 4 || frames.size(3) != 3 || frames.scalar_type() != at::kByte || frames.numel() == 0) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: the tensor 'frames' is no clip; accepted: bytes [frames, height, width, 3]",
                            printable(file.path().string(), 4096)));
  }
  return frames;
}

at::Tensor finite(const at::Tensor& latents, const fs::path& path) {
  if (!has_non_finite(latents)) return latents;
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: tensor 'latents': has NaN or infinite values; accepted: finite ones", path.string()));
}

}  // namespace

ClipSource ClipSource::read(const fs::path& path) {
  ClipSource source;
  source.path = path;
  const std::string extension = file_extension(path);
  std::error_code ignored;  // what cannot be looked at is no folder; reading it says why
  if (fs::is_directory(path, ignored)) {
    source.frames = read_frames(path);
  } else if (extension == ".png") {
    source.frames = read_image(path).unsqueeze(0);
  } else if (extension == ".safetensors") {
    const SafetensorsFile file(path);
    if (file.find("frames") != nullptr) {
      source.frames = frames_of(file);
    } else {
      source.latents = finite(file.tensor("latents"), path);
    }
  } else {
    const Video video = read_video(path);
    source.frames = video.frames;
    source.fps = video.info.fps;
  }
  return source;
}

void make_comparable(ClipSource& reference, ClipSource& candidate, bool align) {
  if (reference.frames.defined() != candidate.frames.defined()) {
    refuse(candidate, fmt::format("cannot be compared with {}", printable(reference.path.string(), 4096)),
           "frames with frames, latents with latents");
  }
  if (!reference.frames.defined()) {
    if (align) throw Error(ExitCode::kUsage, "--align: has no effect on latents; accepted: frames");
    if (reference.latents.sizes() != candidate.latents.sizes()) {
      refuse(candidate,
             fmt::format("latents [{}]; the reference has [{}]", fmt::join(candidate.latents.sizes(), ","),
                         fmt::join(reference.latents.sizes(), ",")),
             "latents of one shape");
    }
    return;
  }
  if (size_of(reference.frames) != size_of(candidate.frames)) {
    refuse(candidate, fmt::format("{}; the reference has {}", size_of(candidate.frames), size_of(reference.frames)),
           "clips of one size");
  }
  const std::int64_t frames = std::min(reference.frames.size(0), candidate.frames.size(0));
  if (reference.frames.size(0) != candidate.frames.size(0) && !align) {
    refuse(candidate,
           fmt::format("{} frames; the reference has {}", candidate.frames.size(0), reference.frames.size(0)),
           "clips of one length, or --align, which cuts the longer one");
  }
  if (reference.fps && candidate.fps && *reference.fps != *candidate.fps && !align) {
    refuse(candidate, fmt::format("{} frames a second; the reference has {}", *candidate.fps, *reference.fps),
           "clips of one frame rate, or --align, which compares frame by frame");
  }
  reference.frames = reference.frames.narrow(0, 0, frames);
  candidate.frames = candidate.frames.narrow(0, 0, frames);
}

}  // namespace ditto
