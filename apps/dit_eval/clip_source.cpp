#include "apps/dit_eval/clip_source.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/image.h"
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

/// A folder that goes away with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "ditto-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw Error(ExitCode::kOutputFailed, pattern + ": cannot be made; accepted: a writable temporary folder");
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

ClipSource ClipSource::read(const fs::path& path) {
  ClipSource source;
  source.path = path;
  if (fs::is_directory(path)) {
    source.frames = read_frames(path);
  } else if (path.extension() == ".png") {
    source.frames = read_image(path).unsqueeze(0);
  } else if (path.extension() == ".safetensors") {
    source.latents = SafetensorsFile(path).tensor("latents");
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
  if (!reference.frames.defined()) return;
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

at::Tensor through_codec(const at::Tensor& frames, double crf) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "clip.mp4";
  VideoOptions options;
  options.crf = crf;
  write_video(file, frames, options);
  return read_video(file).frames;
}

}  // namespace ditto
