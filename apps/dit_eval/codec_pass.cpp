#include "apps/dit_eval/codec_pass.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "apps/common/arguments.h"
#include "core/error.h"
#include "core/printable.h"
#include "io/video.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEncoder = "libx264";
constexpr double kMaxCrf = 51;

/// A folder that goes away with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code failed;
    std::string pattern = (fs::temp_directory_path(failed) / "ditto-XXXXXX").string();
    if (failed) {
      throw Error(ExitCode::kOutputFailed,
                  fmt::format("TMPDIR: is no folder ({}); accepted: a writable temporary folder", failed.message()));
    }
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

double parse_crf(const std::string& option, const std::string& text) {
  constexpr std::string_view kPrefix = "crf=";
  if (!text.starts_with(kPrefix)) {
    throw Error(ExitCode::kUsage, fmt::format("{}: '{}' is no codec setting; accepted: crf=N with N from 0 to {}",
                                              option, printable(text), kMaxCrf));
  }
  return parse_number(option, text.substr(kPrefix.size()), 0, kMaxCrf);
}

at::Tensor through_codec(const at::Tensor& frames, double crf) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "clip.mp4";
  VideoOptions options;
  options.crf = crf;
  options.encoder = kEncoder;
  try {
    write_video(file, frames, options);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("--through-codec: the clip cannot be encoded ({}); accepted: a writable "
                                          "temporary folder and an FFmpeg with {}, or raw frames",
                                          error.what(), kEncoder));
  }
  return read_video(file).frames;
}

}  // namespace ditto
