#pragma once

#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace ditto::ffmpeg {

/// Deleter for FFmpeg's functions that free through a pointer to the pointer.
template <auto free_function>
struct FreeHandle {
  template <typename Handle>
  void operator()(Handle* handle) const {
    free_function(&handle);
  }
};

struct FreeScaler {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

using FramePtr = std::unique_ptr<AVFrame, FreeHandle<av_frame_free>>;
using PacketPtr = std::unique_ptr<AVPacket, FreeHandle<av_packet_free>>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeHandle<avcodec_free_context>>;
using ScalerPtr = std::unique_ptr<SwsContext, FreeScaler>;

/// Keeps FFmpeg off stderr (for the whole process) and forgets this thread's earlier messages.
void capture_messages();

/// "<FFmpeg's error text> (<the first message it logged on this thread since capture_messages>)", on one line.
std::string describe_error(int error);

/// Owns a frame with an aligned, padded buffer of its own, as swscale's vector code wants; null when out of memory.
FramePtr allocate_frame(AVPixelFormat format, int width, int height);

/// Scaler from one format to another at one size, rounding accurately, with equal results on every processor.
/// `matrix` (an AVColorSpace) and `full_range` describe the YUV side. Null when the formats are not supported.
ScalerPtr make_converter(int width, int height, AVPixelFormat from, AVPixelFormat to, int matrix, bool full_range);

}  // namespace ditto::ffmpeg
