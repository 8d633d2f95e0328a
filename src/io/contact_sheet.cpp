#include "io/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"

namespace ditto {
namespace {

constexpr int kGap = 6;
constexpr int kLabelHeight = 26;
constexpr int kNumberHeight = 16;
constexpr double kLabelScale = 0.55;
constexpr double kNumberScale = 0.4;
const cv::Scalar kPaper(255, 255, 255);
const cv::Scalar kLabelInk(20, 20, 20);
const cv::Scalar kNumberInk(110, 110, 110);

struct Picture {
  std::int64_t frame;
  cv::Mat image;
};

struct PictureRow {
  std::string label;
  std::vector<Picture> pictures;
};

/// A view of one frame's pixels, which `frame` keeps alive.
cv::Mat pixels_of(const at::Tensor& frame) {
  return {static_cast<int>(frame.size(0)), static_cast<int>(frame.size(1)), CV_8UC3,
          const_cast<void*>(frame.const_data_ptr())};
}

cv::Mat fit_width(const cv::Mat& image, int picture_width) {
  cv::Mat resized;
  if (image.cols <= picture_width) {
    const int factor = picture_width / image.cols;
    cv::resize(image, resized, {}, factor, factor, cv::INTER_NEAREST);
  } else {
    const int height = std::max(1, static_cast<int>(std::lround(double(image.rows) * picture_width / image.cols)));
    cv::resize(image, resized, {picture_width, height}, 0, 0, cv::INTER_AREA);
  }
  return resized;
}

std::vector<std::int64_t> spread_evenly(std::int64_t frames, std::int64_t columns) {
  const std::int64_t count = std::min(frames, columns);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    chosen.push_back(count == 1 ? 0 : std::llround(double(i) * double(frames - 1) / double(count - 1)));
  }
  return chosen;
}

PictureRow pictures_of(const ContactRow& row, const ContactSheetOptions& options) {
  PictureRow drawn{row.label, {}};
  for (const std::int64_t frame : spread_evenly(row.frames.size(0), options.columns)) {
    const at::Tensor pixels = row.frames.select(0, frame).contiguous();
    drawn.pictures.push_back({frame, fit_width(pixels_of(pixels), options.picture_width)});
  }
  return drawn;
}

PictureRow difference_of(const ContactRow& first, const ContactRow& second, const ContactSheetOptions& options) {
  if (first.frames.sizes() != second.frames.sizes()) {
    throw Error(ExitCode::kUsage,
                fmt::format("contact sheet: no difference between '{}' of shape [{}] and '{}' of shape [{}]; accepted "
                            "are clips of one shape",
                            first.label, fmt::join(first.frames.sizes(), ","), second.label,
                            fmt::join(second.frames.sizes(), ",")));
  }
  PictureRow drawn{fmt::format("difference x {:g}", options.difference_gain), {}};
  for (const std::int64_t frame : spread_evenly(first.frames.size(0), options.columns)) {
    const at::Tensor left = first.frames.select(0, frame).contiguous();
    const at::Tensor right = second.frames.select(0, frame).contiguous();
    cv::Mat difference;
    cv::absdiff(pixels_of(left), pixels_of(right), difference);
    difference.convertTo(difference, -1, options.difference_gain);
    drawn.pictures.push_back({frame, fit_width(difference, options.picture_width)});
  }
  return drawn;
}

/// Hershey fonts have printable ASCII alone; one '?' stands for each other character of UTF-8.
std::string drawable(const std::string& text) {
  std::string ascii;
  for (const char c : text) {
    const bool continuation = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continuation) ascii += c >= ' ' && c <= '~' ? c : '?';
  }
  return ascii;
}

int text_width(const std::string& text, double scale) {
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, scale, 1, nullptr).width;
}

/// Draws a line of text, shortened with dots to `width` pixels.
void draw_text(cv::Mat& sheet, std::string text, cv::Point baseline, int width, double scale, const cv::Scalar& ink) {
  if (text_width(text, scale) > width) {
    while (!text.empty() && text_width(text + "...", scale) > width) text.pop_back();
    text += "...";
  }
  cv::putText(sheet, text, baseline, cv::FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv::LINE_AA);
}

int row_height(const PictureRow& row) { return kLabelHeight + kNumberHeight + row.pictures.front().image.rows + kGap; }

int row_width(const PictureRow& row) {
  const int pictures = static_cast<int>(row.pictures.size());
  return kGap + pictures * (row.pictures.front().image.cols + kGap);
}

void draw_row(cv::Mat& sheet, const PictureRow& row, int top) {
  draw_text(sheet, drawable(row.label), {kGap, top + kLabelHeight - 7}, sheet.cols - 2 * kGap, kLabelScale, kLabelInk);
  int left = kGap;
  for (const Picture& picture : row.pictures) {
    const int picture_top = top + kLabelHeight + kNumberHeight;
    draw_text(sheet, fmt::format("frame {}", picture.frame), {left, picture_top - 4}, picture.image.cols, kNumberScale,
              kNumberInk);
    picture.image.copyTo(sheet(cv::Rect({left, picture_top}, picture.image.size())));
    left += picture.image.cols + kGap;
  }
}

void check_rows(std::span<const ContactRow> rows, const ContactSheetOptions& options) {
  if (rows.empty() || (options.difference_row && rows.size() < 2)) {
    throw Error(ExitCode::kUsage, fmt::format("contact sheet: {} rows given; accepted: at least {}", rows.size(),
                                              options.difference_row ? 2 : 1));
  }
  TORCH_CHECK(options.columns > 0 && options.picture_width > 0,
              "contact sheet: columns and picture_width are positive");
  for (const ContactRow& row : rows) {
    const at::Tensor& frames = row.frames;
    TORCH_CHECK(frames.defined() && frames.device().is_cpu() && frames.scalar_type() == at::kByte &&
                    frames.dim() == 4 && frames.size(3) == 3 && frames.numel() > 0,
                "contact sheet: expected uint8 frames [T,H,W,3] on the CPU, at least one");
  }
}

}  // namespace

at::Tensor render_contact_sheet(std::span<const ContactRow> rows, const ContactSheetOptions& options) {
  check_rows(rows, options);
  std::vector<PictureRow> drawn;
  for (const ContactRow& row : rows) drawn.push_back(pictures_of(row, options));
  if (options.difference_row) drawn.push_back(difference_of(rows[0], rows[1], options));

  int width = 0;
  int height = 0;
  for (const PictureRow& row : drawn) {
    width = std::max(width, row_width(row));
    height += row_height(row);
  }
  cv::Mat sheet(height, width, CV_8UC3, kPaper);
  int top = 0;
  for (const PictureRow& row : drawn) {
    draw_row(sheet, row, top);
    top += row_height(row);
  }
  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  std::memcpy(image.mutable_data_ptr(), sheet.data, image.nbytes());
  return image;
}

}  // namespace ditto
