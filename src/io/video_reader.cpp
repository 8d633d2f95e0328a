#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

extern "C" {
#include <libavutil/dict.h>
#include <libavutil/imgutils.h>
}

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/ffmpeg_support.h"
#include "io/input_file.h"
#include "io/video.h"

namespace ditto {
namespace {

using ffmpeg::CodecPtr;
using ffmpeg::describe_error;
using ffmpeg::FramePtr;
using ffmpeg::PacketPtr;

using DemuxerPtr = std::unique_ptr<AVFormatContext, ffmpeg::FreeHandle<avformat_close_input>>;

constexpr std::size_t kPathBytes = 4096;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; accepted: a complete mp4, mov, mkv, webm or avi video",
                                                   printable(path.native(), kPathBytes), problem));
}

DemuxerPtr open_demuxer(const std::filesystem::path& path) {
  // Refuses what could block or never end (a pipe, a device) before FFmpeg opens it by name.
  const InputFile regular_file(path);
  // Containers that can name other files or hosts (playlists, concat scripts) stay out.
  AVDictionary* options = nullptr;
  av_dict_set(&options, "format_whitelist", "mov,mp4,matroska,webm,avi", 0);
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  AVFormatContext* demuxer = nullptr;
  const int error = avformat_open_input(&demuxer, ("file:" + path.string()).c_str(), nullptr, &options);
  av_dict_free(&options);
  if (error < 0) fail(path, "cannot be read as a video: " + describe_error(error));
  return DemuxerPtr(demuxer);
}

/// An open container, its video stream and that stream's decoder.
class VideoReader {
 public:
  explicit VideoReader(const std::filesystem::path& path) : path_(path) {
    ffmpeg::capture_messages();
    demuxer_ = open_demuxer(path);
    check(avformat_find_stream_info(demuxer_.get(), nullptr), "cannot be read as a video");
    const int index = av_find_best_stream(demuxer_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &decoder_, 0);
    if (index < 0 || decoder_ == nullptr) fail(path, "has no video stream that can be decoded");
    stream_ = demuxer_->streams[index];
  }

  VideoInfo info() const {
    VideoInfo info;
    info.width = stream_->codecpar->width;
    info.height = stream_->codecpar->height;
    info.frame_count = stream_->nb_frames;
    const AVRational rate = stream_->avg_frame_rate.num > 0 ? stream_->avg_frame_rate : stream_->r_frame_rate;
    info.fps = rate.den > 0 ? av_q2d(rate) : 0;
    info.codec = avcodec_get_name(stream_->codecpar->codec_id);
    info.title = tag("title");
    info.metadata_json = tag("comment");
    return info;
  }

  at::Tensor decode(std::int64_t max_bytes) {
    max_bytes_ = max_bytes;
    open_decoder();
    const PacketPtr packet(av_packet_alloc());
    TORCH_CHECK(packet, "av_packet_alloc: out of memory");
    std::int64_t packets = 0;
    int result = 0;
    while ((result = av_read_frame(demuxer_.get(), packet.get())) >= 0) {
      if (packet->stream_index == stream_->index) {
        if ((packet->flags & AV_PKT_FLAG_CORRUPT) != 0) fail_truncated(packets);
        ++packets;
        decode_packet(packet.get());
      }
      av_packet_unref(packet.get());
    }
    // Of all frames, those that an edit list shows are in the index.
    const std::int64_t shown = avformat_index_get_entries_count(stream_);
    if (packets < std::min(stream_->nb_frames, shown)) fail_truncated(packets);
    if (result != AVERROR_EOF) check(result, "is damaged");
    decode_packet(nullptr);
    if (frames_.empty()) fail(path_, "has no frames");
    return at::stack(frames_);
  }

 private:
  void check(int result, const char* problem) const {
    if (result < 0) fail(path_, fmt::format("{}: {}", problem, describe_error(result)));
  }

  [[noreturn]] void fail_truncated(std::int64_t packets) const {
    fail(path_, fmt::format("is truncated: the data end after {} of {} frames", packets, stream_->nb_frames));
  }

  std::string tag(const char* name) const {
    const AVDictionaryEntry* entry = av_dict_get(demuxer_->metadata, name, nullptr, 0);
    return entry == nullptr ? std::string() : std::string(entry->value);
  }

  void open_decoder() {
    codec_.reset(avcodec_alloc_context3(decoder_));
    picture_.reset(av_frame_alloc());
    TORCH_CHECK(codec_ && picture_, "read_video: out of memory");
    check(avcodec_parameters_to_context(codec_.get(), stream_->codecpar), "cannot be decoded");
    codec_->thread_count = 1;
    // A measurement must not score pictures that the decoder made up to conceal damage.
    codec_->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    check(avcodec_open2(codec_.get(), decoder_, nullptr), "cannot be decoded");
  }

  /// Decodes one packet (null: no more) and keeps every picture that comes out.
  void decode_packet(const AVPacket* packet) {
    const std::string problem = fmt::format("is damaged near frame {}", frames_.size());
    check(avcodec_send_packet(codec_.get(), packet), problem.c_str());
    for (;;) {
      const int result = avcodec_receive_frame(codec_.get(), picture_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
      check(result, problem.c_str());
      if (picture_->decode_error_flags != 0 || (picture_->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
        fail(path_, fmt::format("is damaged at frame {}", frames_.size()));
      }
      keep_picture();
      av_frame_unref(picture_.get());
    }
  }

  void keep_picture() {
    if (!converter_) open_converter();
    if (picture_->width != rgb_->width || picture_->height != rgb_->height || picture_->format != format_) {
      fail(path_, fmt::format("changes from {}x{} to {}x{} pixels or to another pixel format at frame {}", rgb_->width,
                              rgb_->height, picture_->width, picture_->height, frames_.size()));
    }
    const std::int64_t frame_bytes = std::int64_t{3} * picture_->width * picture_->height;
    if (frame_bytes * static_cast<std::int64_t>(frames_.size() + 1) > max_bytes_) {
      fail(path_, fmt::format("decodes to more than {} bytes at frame {} of {}x{} pixels", max_bytes_, frames_.size(),
                              picture_->width, picture_->height));
    }
    check(sws_scale(converter_.get(), picture_->data, picture_->linesize, 0, picture_->height, rgb_->data,
                    rgb_->linesize),
          "cannot be converted to RGB");
    at::Tensor frame = at::empty({rgb_->height, rgb_->width, 3}, at::kByte);
    av_image_copy_plane(frame.mutable_data_ptr<std::uint8_t>(), rgb_->width * 3, rgb_->data[0], rgb_->linesize[0],
                        rgb_->width * 3, rgb_->height);
    frames_.push_back(std::move(frame));
  }

  /// Set up by the first picture: only a decoded picture knows its format, matrix and range for sure.
  void open_converter() {
    format_ = picture_->format;
    rgb_ = ffmpeg::allocate_frame(AV_PIX_FMT_RGB24, picture_->width, picture_->height);
    TORCH_CHECK(rgb_, "read_video: out of memory");
    converter_ =
        ffmpeg::make_converter(picture_->width, picture_->height, static_cast<AVPixelFormat>(format_), AV_PIX_FMT_RGB24,
                               picture_->colorspace, picture_->color_range == AVCOL_RANGE_JPEG);
    if (!converter_) fail(path_, "has a pixel format that cannot be converted to RGB");
  }

  std::filesystem::path path_;
  DemuxerPtr demuxer_;
  const AVCodec* decoder_ = nullptr;
  const AVStream* stream_ = nullptr;
  CodecPtr codec_;
  FramePtr picture_;
  FramePtr rgb_;
  ffmpeg::ScalerPtr converter_;
  int format_ = AV_PIX_FMT_NONE;
  std::int64_t max_bytes_ = 0;
  std::vector<at::Tensor> frames_;
};

}  // namespace

Video read_video(const std::filesystem::path& path, std::int64_t max_bytes) {
  VideoReader reader(path);
  Video video;
  video.info = reader.info();
  video.frames = reader.decode(max_bytes);
  video.info.frame_count = video.frames.size(0);
  return video;
}

VideoInfo read_video_info(const std::filesystem::path& path) { return VideoReader(path).info(); }

}  // namespace ditto
