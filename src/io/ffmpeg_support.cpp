#include "io/ffmpeg_support.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <mutex>

extern "C" {
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
}

namespace ditto::ffmpeg {
namespace {

// Codecs run on the calling thread (thread_count 1), so its messages are those of its own call.
thread_local std::string first_message;

void record_message(void* source, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || !first_message.empty()) return;
  std::array<char, 512> line{};
  int print_prefix = 0;
  av_log_format_line2(source, level, format, arguments, line.data(), line.size(), &print_prefix);
  first_message = line.data();
  std::replace_if(
      first_message.begin(), first_message.end(), [](unsigned char c) { return c < ' '; }, ' ');
  first_message.erase(first_message.find_last_not_of(' ') + 1);
}

bool is_rgb(AVPixelFormat format) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  return description != nullptr && (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

}  // namespace

void capture_messages() {
  static std::once_flag installed;
  std::call_once(installed, [] { av_log_set_callback(record_message); });
  first_message.clear();
}

std::string describe_error(int error) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(error, text.data(), text.size());
  std::string description = text.data();
  if (!first_message.empty()) description += " (" + first_message + ")";
  return description;
}

FramePtr allocate_frame(AVPixelFormat format, int width, int height) {
  FramePtr frame(av_frame_alloc());
  if (!frame) return nullptr;
  frame->format = format;
  frame->width = width;
  frame->height = height;
  return av_frame_get_buffer(frame.get(), 0) < 0 ? nullptr : std::move(frame);
}

ScalerPtr make_converter(int width, int height, AVPixelFormat from, AVPixelFormat to, int matrix, bool full_range) {
  constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
  ScalerPtr scaler(sws_getContext(width, height, from, width, height, to, kFlags, nullptr, nullptr, nullptr));
  if (!scaler) return nullptr;
  const int* coefficients = sws_getCoefficients(matrix);
  constexpr int kUnity = 1 << 16;
  sws_setColorspaceDetails(scaler.get(), coefficients, is_rgb(from) || full_range, coefficients,
                           is_rgb(to) || full_range, 0, kUnity, kUnity);
  return scaler;
}

}  // namespace ditto::ffmpeg
