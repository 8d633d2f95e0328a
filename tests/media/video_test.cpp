#include "io/video.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "eval/metrics/psnr.h"
#include "io/frame_hash.h"
#include "media_support.h"

namespace ditto {
namespace {

using test::expect_error;
using test::file_bytes;
using test::moving_square;
using test::save_bytes;
using test::ScratchFolder;

/// Fine H.264 of the moving square, whose edges lose their colour to 4:2:0; a wrong range or frame order lies far
/// below.
constexpr double kFaithfulPsnr = 33;
/// The same for the last encoder, which has only 4:2:0, for odd sizes too.
constexpr double kFaithfulMpeg4Psnr = 30;

VideoOptions with_encoder(const std::string& encoder) {
  VideoOptions options;
  options.encoder = encoder;
  return options;
}

TEST(Video, KeepsFramesOrderAndCount) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(17, 64, 96);
  write_video(folder / "clip.mp4", frames);
  const Video video = read_video(folder / "clip.mp4");
  ASSERT_EQ(video.frames.sizes(), frames.sizes());
  EXPECT_GT(psnr(frames, video.frames).worst, kFaithfulPsnr);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"clip.mp4"});
}

TEST(Video, DescribesItself) {
  const ScratchFolder folder;
  VideoOptions options;
  options.fps = 24;
  options.title = "ein roter Kreis \xE2\x86\x92 links";
  options.metadata_json = R"({"seed":42,"prompt":"caf\u00e9 \"quoted\"\nline"})";
  write_video(folder / "clip.mp4", moving_square(5, 32, 48), options);
  const VideoInfo info = read_video_info(folder / "clip.mp4");
  EXPECT_EQ(info.width, 48);
  EXPECT_EQ(info.height, 32);
  EXPECT_EQ(info.frame_count, 5);
  EXPECT_DOUBLE_EQ(info.fps, 24);
  EXPECT_EQ(info.codec, "h264");
  EXPECT_EQ(info.title, options.title);
  EXPECT_EQ(info.metadata_json, options.metadata_json);
  EXPECT_EQ(read_video(folder / "clip.mp4").info.metadata_json, options.metadata_json);
}

TEST(Video, WritesNoTagThatWasNotGiven) {
  const ScratchFolder folder;
  write_video(folder / "clip.mp4", moving_square(2, 32, 32));
  const VideoInfo info = read_video_info(folder / "clip.mp4");
  EXPECT_EQ(info.title, "");
  EXPECT_EQ(info.metadata_json, "");
  EXPECT_EQ(file_bytes(folder / "clip.mp4").find("Lavf"), std::string::npos);
}

TEST(Video, CarriesLargeMetadata) {
  const ScratchFolder folder;
  nlohmann::json metadata;
  for (int i = 0; i < 9000; ++i) metadata["sigmas"].push_back(i / 9000.0);
  metadata["prompt"] = std::string(100, '"') + "\xF0\x9F\x8E\xA5";
  VideoOptions options;
  options.metadata_json = metadata.dump();
  ASSERT_GT(options.metadata_json.size(), 100'000u);
  write_video(folder / "clip.mp4", moving_square(3, 32, 32), options);
  EXPECT_EQ(read_video_info(folder / "clip.mp4").metadata_json, options.metadata_json);
}

TEST(Video, HasItsIndexInFront) {
  const ScratchFolder folder;
  write_video(folder / "clip.mp4", moving_square(5, 32, 32));
  const std::string bytes = file_bytes(folder / "clip.mp4");
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));
}

TEST(Video, EqualFramesGiveEqualBytes) {
  const ScratchFolder folder;
  VideoOptions options;
  options.metadata_json = "{\"seed\":1}";
  for (const std::string encoder : {"libx264", "mpeg4"}) {
    options.encoder = encoder;
    for (const auto& [height, width] : {std::pair{64, 64}, {48, 64}, {48, 32}, {64, 96}, {33, 47}}) {
      const at::Tensor frames = moving_square(9, height, width);
      write_video(folder / "first.mp4", frames, options);
      const std::string first = file_bytes(folder / "first.mp4");
      for (int repetition = 1; repetition < 6; ++repetition) {
        // Other contents of freed memory must not show.
        std::vector<std::vector<char>> litter;
        for (std::size_t size = 1000; size < 400'000; size *= 2)
          litter.emplace_back(size, static_cast<char>(37 * repetition));
        litter.clear();
        write_video(folder / "again.mp4", frames, options);
        EXPECT_TRUE(file_bytes(folder / "again.mp4") == first) << encoder << " " << width << "x" << height;
      }
    }
  }
}

TEST(Video, KeepsASingleFrame) {
  const ScratchFolder folder;
  const at::Tensor frame = moving_square(1, 64, 64);
  write_video(folder / "clip.mp4", frame);
  const Video video = read_video(folder / "clip.mp4");
  ASSERT_EQ(video.frames.sizes(), frame.sizes());
  EXPECT_GT(psnr(frame, video.frames).mean, kFaithfulPsnr);
}

TEST(Video, KeepsOddSizes) {
  const ScratchFolder folder;
  for (const auto& [height, width] : {std::pair{33, 47}, {32, 47}, {33, 48}, {1, 1}, {3, 5}, {2, 2}}) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const at::Tensor frames = moving_square(4, height, width);
    write_video(folder / "clip.mp4", frames);
    const Video video = read_video(folder / "clip.mp4");
    ASSERT_EQ(video.frames.sizes(), frames.sizes());
    if (height > 8) {
      EXPECT_GT(psnr(frames, video.frames).mean, kFaithfulPsnr);
    }
  }
}

TEST(Video, KeepsFlatColours) {
  const ScratchFolder folder;
  for (const auto& colour :
       {std::array{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}, {0, 0, 0}, {90, 140, 200}}) {
    at::Tensor frames = at::empty({3, 32, 32, 3}, at::kByte);
    for (int channel = 0; channel < 3; ++channel) frames.select(3, channel).fill_(colour[channel]);
    write_video(folder / "clip.mp4", frames);
    const at::Tensor read = read_video(folder / "clip.mp4").frames;
    const int difference = (read.to(at::kInt) - frames.to(at::kInt)).abs().max().item<int>();
    EXPECT_LE(difference, 3) << colour[0] << "," << colour[1] << "," << colour[2];
  }
}

TEST(Video, LowerRateFactorIsBetterWithEveryEncoder) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(9, 64, 64);
  for (const std::string encoder : {"libx264", "mpeg4"}) {
    SCOPED_TRACE(encoder);
    VideoOptions options = with_encoder(encoder);
    options.crf = 4;
    write_video(folder / "fine.mp4", frames, options);
    options.crf = 45;
    write_video(folder / "coarse.mp4", frames, options);
    const double fine = psnr(frames, read_video(folder / "fine.mp4").frames).mean;
    const double coarse = psnr(frames, read_video(folder / "coarse.mp4").frames).mean;
    EXPECT_GT(fine, coarse + 3);
    EXPECT_GT(fine, kFaithfulPsnr);
  }
}

TEST(Video, TheLastEncoderInLineKeepsFramesAndTags) {
  const ScratchFolder folder;
  VideoOptions options = with_encoder("mpeg4");
  options.metadata_json = "{\"seed\":3}";
  for (const auto& [height, width] : {std::pair{48, 64}, {33, 47}}) {
    const at::Tensor frames = moving_square(9, height, width);
    write_video(folder / "clip.mp4", frames, options);
    const Video video = read_video(folder / "clip.mp4");
    EXPECT_EQ(video.info.codec, "mpeg4");
    EXPECT_EQ(video.info.metadata_json, options.metadata_json);
    ASSERT_EQ(video.frames.sizes(), frames.sizes());
    EXPECT_GT(psnr(frames, video.frames).worst, kFaithfulMpeg4Psnr);
  }
}

TEST(Video, ReadsViewsThatAreNotContiguous) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(8, 32, 48);
  write_video(folder / "view.mp4", frames.slice(0, 1, 8, 3).transpose(1, 2));
  write_video(folder / "copy.mp4", frames.slice(0, 1, 8, 3).transpose(1, 2).contiguous());
  EXPECT_TRUE(file_bytes(folder / "view.mp4") == file_bytes(folder / "copy.mp4"));
}

TEST(VideoWriting, RefusesBadOptions) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(2, 32, 32);
  VideoOptions options;
  options.fps = 0;
  expect_error(ExitCode::kUsage, [&] { write_video(folder / "clip.mp4", frames, options); }, {"fps", "0", "1 to"});
  options = {};
  options.crf = 52;
  expect_error(ExitCode::kUsage, [&] { write_video(folder / "clip.mp4", frames, options); }, {"crf", "52", "0 to 51"});
  expect_error(ExitCode::kUsage, [&] { write_video(folder / "clip.mp4", frames, with_encoder("x264")); },
               {"encoder", "x264", "libx264, libopenh264, mpeg4"});
  EXPECT_TRUE(folder.names().empty());
}

TEST(VideoWriting, SuggestsFramesWhenNoEncoderWorks) {
  const ScratchFolder folder;
  // 4:2:0 MPEG-4 is limited to 8191 pixels a side, so its encoder refuses to open.
  const at::Tensor frames = at::full({1, 2, 9000, 3}, 7, at::kByte);
  expect_error(ExitCode::kOutputFailed, [&] { write_video(folder / "clip.mp4", frames, with_encoder("mpeg4")); },
               {"clip.mp4", "mpeg4", "9000x2", "PNG"});
  EXPECT_TRUE(folder.names().empty());
}

TEST(VideoWriting, LeavesNothingWhenTheDiskFills) {
  const ScratchFolder folder;
  const at::Tensor noise = at::randint(256, {24, 64, 64, 3}, at::kByte);
  for (const rlim_t limit : {0, 100, 5'000, 60'000}) {
    SCOPED_TRACE(limit);
    const test::FileSizeLimit full_disk(limit);
    expect_error(ExitCode::kOutputFailed, [&] { write_video(folder / "clip.mp4", noise); }, {"clip.mp4"});
    EXPECT_TRUE(folder.names().empty());
  }
}

TEST(VideoWriting, LeavesNothingWhenOnlyTheShiftedIndexDoesNotFit) {
  const ScratchFolder folder;
  VideoOptions options;
  options.metadata_json = std::string(50'000, 'x');
  write_video(folder / "clip.mp4", moving_square(9, 64, 64), options);
  const auto complete = std::filesystem::file_size(folder / "clip.mp4");
  std::filesystem::remove(folder / "clip.mp4");
  for (const auto missing : {1, 1'000, 40'000}) {
    SCOPED_TRACE(missing);
    const test::FileSizeLimit full_disk(complete - missing);
    expect_error(ExitCode::kOutputFailed, [&] { write_video(folder / "clip.mp4", moving_square(9, 64, 64), options); },
                 {"clip.mp4"});
    EXPECT_TRUE(folder.names().empty());
  }
}

TEST(VideoWriting, KeepsAnExistingFileWhenAsked) {
  const ScratchFolder folder;
  save_bytes(folder / "clip.mp4", "mine");
  VideoOptions options;
  options.existing = Existing::kKeep;
  expect_error(ExitCode::kOutputFailed, [&] { write_video(folder / "clip.mp4", moving_square(2, 32, 32), options); },
               {"clip.mp4"});
  EXPECT_EQ(file_bytes(folder / "clip.mp4"), "mine");
  EXPECT_EQ(folder.names().size(), 1u);
}

TEST(VideoWriting, NamesAFolderThatDoesNotExist) {
  const ScratchFolder folder;
  expect_error(ExitCode::kOutputFailed, [&] { write_video(folder / "none/clip.mp4", moving_square(2, 32, 32)); },
               {"none/clip.mp4"});
}

TEST(VideoWriting, TakesNamesThatLookLikeOptionsOrAddresses) {
  const ScratchFolder folder;
  for (const std::string name : {"http:clip.mp4", "-y %03d.mp4", "clip", "caf\xC3\xA9 \xE2\x86\x92.mp4"}) {
    SCOPED_TRACE(name);
    write_video(folder / name, moving_square(2, 32, 32));
    EXPECT_EQ(read_video(folder / name).frames.size(0), 2);
  }
}

TEST(VideoReading, RefusesEveryTruncation) {
  const ScratchFolder folder;
  write_video(folder / "clip.mp4", moving_square(9, 64, 64));
  const std::string bytes = file_bytes(folder / "clip.mp4");
  for (std::size_t length = 0; length < bytes.size(); length += std::max<std::size_t>(1, bytes.size() / 150)) {
    SCOPED_TRACE(length);
    save_bytes(folder / "cut.mp4", bytes.substr(0, length));
    expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "cut.mp4"); }, {"cut.mp4", "accepted"});
  }
  save_bytes(folder / "cut.mp4", bytes.substr(0, bytes.size() - 1));
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "cut.mp4"); }, {"cut.mp4", "truncated"});
}

TEST(VideoReading, TakesWhatAnEditListShows) {
  const ScratchFolder folder;
  // The last encoder repeats key frames, behind which an edit may end.
  write_video(folder / "clip.mp4", moving_square(40, 64, 64), with_encoder("mpeg4"));
  std::string bytes = file_bytes(folder / "clip.mp4");
  const std::size_t duration = bytes.find("elst") + 12;
  ASSERT_LT(duration, bytes.size());
  bytes.replace(duration, 4, std::string("\0\0\2\0", 4));  // milliseconds
  save_bytes(folder / "trimmed.mp4", bytes);
  const std::int64_t shown = read_video(folder / "trimmed.mp4").frames.size(0);
  EXPECT_GE(shown, 8);
  EXPECT_LT(shown, 40);
  save_bytes(folder / "cut.mp4", bytes.substr(0, bytes.size() / 8));
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "cut.mp4"); }, {"cut.mp4", "accepted"});
}

TEST(VideoReading, SurvivesDamageAnywhere) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(9, 64, 64);
  write_video(folder / "clip.mp4", frames);
  const std::string bytes = file_bytes(folder / "clip.mp4");
  int refused = 0;
  int total = 0;
  for (std::size_t offset = 0; offset < bytes.size(); offset += 37) {
    std::string damaged = bytes;
    for (std::size_t i = offset; i < std::min(offset + 8, bytes.size()); ++i)
      damaged[i] = static_cast<char>(~damaged[i]);
    save_bytes(folder / "damaged.mp4", damaged);
    ++total;
    try {
      const Video video = read_video(folder / "damaged.mp4");
      EXPECT_EQ(video.frames.dim(), 4);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      ++refused;
    }
  }
  // H.264 has no checksum: some damage decodes to other pictures. Most does not.
  EXPECT_GT(refused, total / 2);
}

TEST(VideoReading, NamesTheFileAndFfmpegsReason) {
  const ScratchFolder folder;
  save_bytes(folder / "text.mp4", "this is no video at all, but text that goes on for a while\n");
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "text.mp4"); }, {"text.mp4", "accepted"});
  save_bytes(folder / "empty.mp4", "");
  expect_error(ExitCode::kBadInputFile, [&] { read_video_info(folder / "empty.mp4"); }, {"empty.mp4"});
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "none.mp4"); }, {"none.mp4"});
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "."); }, {"is a folder"});
  write_video(folder / "clip.mp4", moving_square(4, 32, 32));
  std::string bytes = file_bytes(folder / "clip.mp4");
  bytes.replace(bytes.find("moov"), 4, "junk");
  save_bytes(folder / "headless.mp4", bytes);
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "headless.mp4"); }, {"moov atom not found"});
}

TEST(VideoReading, RefusesAPipeWithoutBlocking) {
  const ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "pipe.mp4"); }, {"pipe.mp4"});
}

TEST(VideoReading, OpensNoPlaylist) {
  const ScratchFolder folder;
  write_video(folder / "clip.mp4", moving_square(2, 32, 32));
  save_bytes(folder / "list.mp4", "ffconcat version 1.0\nfile clip.mp4\n");
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "list.mp4"); }, {"list.mp4"});
  save_bytes(folder / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n");
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "list.m3u8"); }, {"list.m3u8"});
}

TEST(VideoReading, StopsAtTheByteLimit) {
  const ScratchFolder folder;
  write_video(folder / "clip.mp4", moving_square(9, 32, 32));
  const std::int64_t needed = 9 * 32 * 32 * 3;
  EXPECT_EQ(read_video(folder / "clip.mp4", needed).frames.size(0), 9);
  expect_error(ExitCode::kBadInputFile, [&] { read_video(folder / "clip.mp4", needed - 1); },
               {"clip.mp4", std::to_string(needed - 1), "32x32"});
}

TEST(FrameHash, IsTheDigestOfTheRawBytes) {
  at::Tensor frame = at::empty({1, 1, 1, 3}, at::kByte);
  frame.view({-1})[0] = 'a';
  frame.view({-1})[1] = 'b';
  frame.view({-1})[2] = 'c';
  EXPECT_EQ(frame_hash(frame), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(FrameHash, FollowsTheOrderOfTheFrames) {
  const at::Tensor clip = moving_square(4, 16, 16);
  EXPECT_EQ(frame_hash(clip), frame_hash(clip.clone()));
  EXPECT_EQ(frame_hash(clip.flip({0}).flip({0})), frame_hash(clip));
  EXPECT_NE(frame_hash(clip.flip({0})), frame_hash(clip));
  EXPECT_EQ(frame_hash(at::cat({clip, clip}).slice(0, 4)), frame_hash(clip));
}

}  // namespace
}  // namespace ditto
