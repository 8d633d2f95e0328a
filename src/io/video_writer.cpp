#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <c10/util/Exception.h>

extern "C" {
#include <libavutil/dict.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
}

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/ffmpeg_support.h"
#include "io/video.h"

namespace ditto {
namespace {

using ffmpeg::CodecPtr;
using ffmpeg::describe_error;
using ffmpeg::FramePtr;
using ffmpeg::PacketPtr;

constexpr std::array kEncoders = {"libx264", "libopenh264", "mpeg4"};
constexpr double kMaxCrf = 51;
constexpr int kMaxFps = 1000;
constexpr std::size_t kPathBytes = 4096;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ExitCode::kOutputFailed, fmt::format("{}: {}; accepted: a writable .mp4 file, or a folder for PNG frames",
                                                   printable(path.native(), kPathBytes), problem));
}

struct FreeMuxer {
  void operator()(AVFormatContext* muxer) const {
    if (muxer->pb != nullptr) avio_closep(&muxer->pb);
    avformat_free_context(muxer);
  }
};
using MuxerPtr = std::unique_ptr<AVFormatContext, FreeMuxer>;

/// 4:4:4 keeps an odd side exact where H.264's 4:2:0 would need padding; an encoder without it gets 4:2:0 and may
/// refuse.
AVPixelFormat choose_format(const AVCodec& encoder, int width, int height) {
  if (width % 2 == 0 && height % 2 == 0) return AV_PIX_FMT_YUV420P;
  for (const AVPixelFormat* format = encoder.pix_fmts; format != nullptr && *format != AV_PIX_FMT_NONE; ++format) {
    if (*format == AV_PIX_FMT_YUV444P) return AV_PIX_FMT_YUV444P;
  }
  return AV_PIX_FMT_YUV420P;
}

/// Translates the rate factor to what each encoder understands.
void set_quality(AVCodecContext& codec, const std::string& encoder, const VideoOptions& options) {
  if (encoder == "libx264") {
    av_opt_set_double(codec.priv_data, "crf", options.crf, 0);
    // Its macroblock tree reads memory it never wrote in some vector builds, so equal clips give unequal files.
    av_opt_set_int(codec.priv_data, "mbtree", 0, 0);
  } else if (encoder == "mpeg4") {
    // The quantiser, 1 (best) to 31, doubles every 6 factors as H.264's step does.
    codec.flags |= AV_CODEC_FLAG_QSCALE;
    codec.qmin = 1;
    codec.global_quality = static_cast<int>(FF_QP2LAMBDA * std::clamp(std::exp2((options.crf - 10) / 6), 1.0, 31.0));
  } else {
    // About a tenth of a bit per pixel at factor 23, twice as much every 6 below.
    const double bits_per_pixel = 0.1 * std::exp2((23 - options.crf) / 6);
    codec.bit_rate = std::llround(bits_per_pixel * codec.width * codec.height * options.fps);
  }
}

/// An open encoder, or null with the reason in `problem`.
CodecPtr open_encoder(const std::string& name, int width, int height, const VideoOptions& options,
                      std::string& problem) {
  const AVCodec* encoder = avcodec_find_encoder_by_name(name.c_str());
  if (encoder == nullptr) {
    problem = "not in this build of FFmpeg";
    return nullptr;
  }
  CodecPtr codec(avcodec_alloc_context3(encoder));
  TORCH_CHECK(codec, "avcodec_alloc_context3: out of memory");
  codec->width = width;
  codec->height = height;
  codec->time_base = {1, options.fps};
  codec->framerate = {options.fps, 1};
  codec->pix_fmt = choose_format(*encoder, width, height);
  codec->color_range = AVCOL_RANGE_MPEG;
  codec->colorspace = AVCOL_SPC_SMPTE170M;
  codec->color_primaries = AVCOL_PRI_BT709;
  codec->color_trc = AVCOL_TRC_IEC61966_2_1;
  // One thread and no version tags: the same frames give the same bytes.
  codec->thread_count = 1;
  codec->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
  set_quality(*codec, name, options);
  ffmpeg::capture_messages();
  const int error = avcodec_open2(codec.get(), encoder, nullptr);
  if (error < 0) {
    problem = describe_error(error);
    return nullptr;
  }
  return codec;
}

CodecPtr choose_encoder(const std::filesystem::path& path, int width, int height, const VideoOptions& options) {
  std::vector<std::string> names(kEncoders.begin(), kEncoders.end());
  if (!options.encoder.empty()) names = {options.encoder};
  std::vector<std::string> problems;
  for (const std::string& name : names) {
    std::string problem;
    if (CodecPtr codec = open_encoder(name, width, height, options, problem)) return codec;
    problems.push_back(fmt::format("{}: {}", name, problem));
  }
  throw Error(ExitCode::kOutputFailed,
              fmt::format("{}: no encoder works for {}x{} pixels ({}); accepted: a folder, which is filled with PNG "
                          "frames",
                          printable(path.native(), kPathBytes), width, height, fmt::join(problems, ", ")));
}

/// One mp4 under construction in `file`.
class Mp4Writer {
 public:
  Mp4Writer(AtomicFile& file, int width, int height, const VideoOptions& options)
      : file_(file), codec_(choose_encoder(file.target(), width, height, options)), packet_(av_packet_alloc()) {
    open_file();
    open_stream(options);
    rgb_ = ffmpeg::allocate_frame(AV_PIX_FMT_RGB24, width, height);
    yuv_ = ffmpeg::allocate_frame(codec_->pix_fmt, width, height);
    scaler_ = ffmpeg::make_converter(width, height, AV_PIX_FMT_RGB24, codec_->pix_fmt, AVCOL_SPC_SMPTE170M, false);
    TORCH_CHECK(packet_ && rgb_ && yuv_, "write_video: out of memory");
    if (!scaler_) fail(file_.target(), fmt::format("frames of {}x{} pixels cannot be converted", width, height));
  }

  void add(const std::uint8_t* rgb) {
    av_image_copy_plane(rgb_->data[0], rgb_->linesize[0], rgb, rgb_->width * 3, rgb_->width * 3, rgb_->height);
    // The encoder may still hold the previous picture's buffer.
    check(av_frame_make_writable(yuv_.get()));
    check(sws_scale(scaler_.get(), rgb_->data, rgb_->linesize, 0, rgb_->height, yuv_->data, yuv_->linesize));
    yuv_->pts = next_frame_++;
    yuv_->quality = codec_->global_quality;
    encode(yuv_.get());
  }

  void finish() {
    encode(nullptr);
    check(av_write_trailer(muxer_.get()));
    check(avio_closep(&muxer_->pb));
  }

 private:
  void check(int result) const {
    if (result < 0) fail(file_.target(), "cannot be written: " + describe_error(result));
  }

  void open_file() {
    const std::string url = "file:" + file_.temporary().string();
    AVFormatContext* muxer = nullptr;
    check(avformat_alloc_output_context2(&muxer, nullptr, "mp4", url.c_str()));
    muxer_.reset(muxer);
    muxer_->flags |= AVFMT_FLAG_BITEXACT;
    check(avio_open(&muxer_->pb, url.c_str(), AVIO_FLAG_WRITE));
  }

  void open_stream(const VideoOptions& options) {
    stream_ = avformat_new_stream(muxer_.get(), nullptr);
    TORCH_CHECK(stream_ != nullptr, "avformat_new_stream: out of memory");
    stream_->time_base = codec_->time_base;
    stream_->avg_frame_rate = codec_->framerate;
    check(avcodec_parameters_from_context(stream_->codecpar, codec_.get()));
    if (!options.title.empty()) check(av_dict_set(&muxer_->metadata, "title", options.title.c_str(), 0));
    if (!options.metadata_json.empty()) {
      check(av_dict_set(&muxer_->metadata, "comment", options.metadata_json.c_str(), 0));
    }
    AVDictionary* muxer_options = nullptr;
    av_dict_set(&muxer_options, "movflags", "+faststart+use_metadata_tags", 0);
    const int result = avformat_write_header(muxer_.get(), &muxer_options);
    av_dict_free(&muxer_options);
    check(result);
  }

  /// Sends one picture (null: no more) and writes what the encoder has ready.
  void encode(const AVFrame* picture) {
    check(avcodec_send_frame(codec_.get(), picture));
    for (;;) {
      const int result = avcodec_receive_packet(codec_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
      check(result);
      // Without a duration of its own the last frame has none and readers drop it.
      packet_->duration = 1;
      av_packet_rescale_ts(packet_.get(), codec_->time_base, stream_->time_base);
      packet_->stream_index = stream_->index;
      check(av_interleaved_write_frame(muxer_.get(), packet_.get()));
    }
  }

  AtomicFile& file_;
  CodecPtr codec_;
  PacketPtr packet_;
  MuxerPtr muxer_;
  AVStream* stream_ = nullptr;
  FramePtr rgb_;
  FramePtr yuv_;
  ffmpeg::ScalerPtr scaler_;
  std::int64_t next_frame_ = 0;
};

void check_options(const VideoOptions& options) {
  if (options.fps < 1 || options.fps > kMaxFps) {
    throw Error(ExitCode::kUsage, fmt::format("fps: {} is out of range; accepted: 1 to {}", options.fps, kMaxFps));
  }
  if (!(options.crf >= 0 && options.crf <= kMaxCrf)) {
    throw Error(ExitCode::kUsage, fmt::format("crf: {} is out of range; accepted: 0 to {}", options.crf, kMaxCrf));
  }
  const bool known = std::find(kEncoders.begin(), kEncoders.end(), options.encoder) != kEncoders.end();
  if (!options.encoder.empty() && !known) {
    throw Error(ExitCode::kUsage, fmt::format("encoder: unknown name '{}'; accepted: {}", printable(options.encoder),
                                              fmt::join(kEncoders, ", ")));
  }
}

}  // namespace

void write_video(const std::filesystem::path& path, const at::Tensor& frames, const VideoOptions& options) {
  TORCH_CHECK(frames.defined() && frames.device().is_cpu() && frames.scalar_type() == at::kByte && frames.dim() == 4 &&
                  frames.size(3) == 3 && frames.numel() > 0,
              "write_video: expected uint8 frames [T,H,W,3] on the CPU, at least one");
  check_options(options);
  ffmpeg::capture_messages();
  AtomicFile file(path, options.existing);
  const at::Tensor packed = frames.contiguous();
  {
    Mp4Writer writer(file, static_cast<int>(packed.size(2)), static_cast<int>(packed.size(1)), options);
    for (std::int64_t frame = 0; frame < packed.size(0); ++frame) {
      writer.add(packed.select(0, frame).const_data_ptr<std::uint8_t>());
    }
    writer.finish();
  }
  file.commit();
}

}  // namespace ditto
