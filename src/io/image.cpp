#include "io/image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

#include <fmt/format.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/file_extension.h"
#include "io/input_file.h"
#include "io/png_header.h"

namespace ditto {
namespace {

constexpr std::size_t kPathBytes = 4096;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem, const std::string& accepted) {
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: {}; accepted: {}", printable(path.native(), kPathBytes), problem, accepted));
}

constexpr auto kAcceptedImage = "a complete, opaque PNG of 8 bits per channel";
/// Raw pixels of the largest picture with alpha; a PNG that compresses worse than that is no sensible picture.
constexpr std::uint64_t kMaxFileBytes = kMaxImagePixels * 4;

std::string read_bytes(const std::filesystem::path& path) {
  const InputFile file(path);
  if (file.size() > kMaxFileBytes) {
    fail(path, fmt::format("is {} bytes large", file.size()), fmt::format("at most {} bytes", kMaxFileBytes));
  }
  std::string bytes(file.size(), '\0');
  bytes.resize(file.read_at(0, bytes.data(), bytes.size()));
  return bytes;
}

cv::Mat decode_png(const std::string& bytes, const std::filesystem::path& path) {
  const PngHeader header = check_png(bytes, path);
  if (header.bit_depth > 8) {
    fail(path, fmt::format("has {} bits per channel, which would lose precision", header.bit_depth), kAcceptedImage);
  }
  if (std::uint64_t{header.width} * header.height > std::uint64_t{kMaxImagePixels}) {
    fail(path, fmt::format("is {}x{} pixels large", header.width, header.height),
         fmt::format("at most {} pixels", kMaxImagePixels));
  }
  if (header.grey_with_colour_key) fail(path, "has a transparent shade of grey", kAcceptedImage);
  cv::Mat image;
  try {
    const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
    image = cv::imdecode(buffer, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& exception) {
    fail(path, fmt::format("cannot be decoded ({})", exception.err), kAcceptedImage);
  }
  if (image.empty() || image.depth() != CV_8U) fail(path, "cannot be decoded", kAcceptedImage);
  return image;
}

cv::Mat to_rgb(const cv::Mat& image, const std::filesystem::path& path) {
  cv::Mat rgb;
  if (image.channels() == 1) {
    cv::cvtColor(image, rgb, cv::COLOR_GRAY2RGB);
  } else if (image.channels() == 3) {
    cv::cvtColor(image, rgb, cv::COLOR_BGR2RGB);
  } else {
    cv::Mat alpha;
    cv::extractChannel(image, alpha, 3);
    double least_alpha = 0;
    cv::minMaxLoc(alpha, &least_alpha);
    if (least_alpha < 255) fail(path, "is transparent in places, so its colours there are undefined", kAcceptedImage);
    cv::cvtColor(image, rgb, cv::COLOR_BGRA2RGB);
  }
  return rgb;
}

std::string encode_png(const at::Tensor& image) {
  const at::Tensor packed = image.contiguous();
  const cv::Mat rgb(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)), CV_8UC3,
                    const_cast<void*>(packed.const_data_ptr()));
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<unsigned char> bytes;
  TORCH_CHECK(cv::imencode(".png", bgr, bytes), "cv::imencode: PNG failed");
  return {bytes.begin(), bytes.end()};
}

void check_picture(const char* function, const at::Tensor& picture, std::int64_t dimensions) {
  TORCH_CHECK(picture.defined() && picture.device().is_cpu() && picture.scalar_type() == at::kByte &&
                  picture.dim() == dimensions && picture.size(-1) == 3 && picture.numel() > 0,
              function, ": expected a non-empty uint8 tensor ", dimensions == 3 ? "[H,W,3]" : "[T,H,W,3]",
              " on the CPU");
}

/// Orders "frame_9999.png" before "frame_10000.png": runs of digits compare by value, everything else by byte.
bool numeric_less(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto take_number = [&is_digit](std::string::const_iterator& at, std::string::const_iterator end) {
    at = std::find_if(at, end, [](char c) { return c != '0'; });
    const auto begin = at;
    at = std::find_if_not(at, end, is_digit);
    return std::string(begin, at);
  };
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (is_digit(*left) && is_digit(*right)) {
      const std::string x = take_number(left, a.end());
      const std::string y = take_number(right, b.end());
      if (x != y) return std::pair(x.size(), x) < std::pair(y.size(), y);
    } else if (*left != *right) {
      return *left < *right;
    } else {
      ++left;
      ++right;
    }
  }
  if ((left == a.end()) != (right == b.end())) return left == a.end();
  return a < b;
}

std::vector<std::filesystem::path> list_png_files(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (file_extension(entry->path()) == ".png") files.push_back(entry->path());
  }
  if (error) fail(folder, "cannot be read: " + error.message(), "a folder of PNG frames");
  if (files.empty()) fail(folder, "holds no frames", "a folder of PNG frames");
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return numeric_less(a.filename().string(), b.filename().string()); });
  return files;
}

}  // namespace

void write_image(const std::filesystem::path& path, const at::Tensor& image, Existing existing) {
  check_picture("write_image", image, 3);
  AtomicFile file(path, existing);
  file.write(encode_png(image));
  file.commit();
}

at::Tensor read_image(const std::filesystem::path& path) {
  const cv::Mat rgb = to_rgb(decode_png(read_bytes(path), path), path);
  at::Tensor image = at::empty({rgb.rows, rgb.cols, 3}, at::kByte);
  std::memcpy(image.mutable_data_ptr(), rgb.data, image.nbytes());
  return image;
}

void write_frames(const std::filesystem::path& folder, const at::Tensor& frames, Existing existing) {
  check_picture("write_frames", frames, 4);
  AtomicFolder output(folder, existing);
  for (std::int64_t frame = 0; frame < frames.size(0); ++frame) {
    const std::string bytes = encode_png(frames.select(0, frame));
    std::ofstream file(output.temporary() / fmt::format("frame_{:04}.png", frame), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      throw Error(ExitCode::kOutputFailed,
                  fmt::format("{}: cannot be written: frame {}: {}; accepted: a folder that can be written, with room",
                              printable(folder.native(), kPathBytes), frame, std::strerror(errno)));
    }
  }
  output.commit();
}

at::Tensor read_frames(const std::filesystem::path& folder, std::int64_t max_bytes) {
  std::vector<at::Tensor> frames;
  for (const std::filesystem::path& file : list_png_files(folder)) {
    frames.push_back(read_image(file));
    if (frames.back().sizes() != frames.front().sizes()) {
      fail(file,
           fmt::format("is {}x{} pixels large, unlike the {}x{} of the first frame", frames.back().size(1),
                       frames.back().size(0), frames.front().size(1), frames.front().size(0)),
           "frames of one size");
    }
    if (frames.front().numel() * static_cast<std::int64_t>(frames.size()) > max_bytes) {
      fail(folder, fmt::format("decodes to more than {} bytes", max_bytes), "a smaller clip");
    }
  }
  return at::stack(frames);
}

}  // namespace ditto
