#include "io/image.h"

#include <array>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randint.h>

#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>
#include <sys/stat.h>

#include "media_support.h"

namespace ditto {
namespace {

using test::expect_error;
using test::file_bytes;
using test::moving_square;
using test::save_bytes;
using test::ScratchFolder;

void save_with_opencv(const std::filesystem::path& path, const cv::Mat& image) {
  ASSERT_TRUE(cv::imwrite(path.string(), image));
}

TEST(Image, RoundTripsExactly) {
  const ScratchFolder folder;
  for (const auto& [height, width] : {std::pair{33, 47}, {1, 1}, {64, 64}, {1, 300}}) {
    const at::Tensor image = at::randint(256, {height, width, 3}, at::kByte);
    write_image(folder / "image.png", image);
    EXPECT_TRUE(at::equal(read_image(folder / "image.png"), image));
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"image.png"});
}

TEST(Image, StoresRedAsRed) {
  const ScratchFolder folder;
  at::Tensor image = at::empty({2, 2, 3}, at::kByte);
  image.select(2, 0).fill_(255);
  image.select(2, 1).fill_(0);
  image.select(2, 2).fill_(10);
  write_image(folder / "red.png", image);
  EXPECT_EQ(cv::imread((folder / "red.png").string()).at<cv::Vec3b>(0, 0), cv::Vec3b(10, 0, 255));
}

TEST(Image, EqualPicturesGiveEqualBytes) {
  const ScratchFolder folder;
  write_image(folder / "first.png", moving_square(1, 32, 32)[0]);
  write_image(folder / "second.png", moving_square(1, 32, 32)[0]);
  EXPECT_EQ(file_bytes(folder / "first.png"), file_bytes(folder / "second.png"));
}

TEST(Image, RepeatsGreyAndDropsAnOpaqueAlpha) {
  const ScratchFolder folder;
  save_with_opencv(folder / "grey.png", cv::Mat(3, 4, CV_8UC1, cv::Scalar(77)));
  const at::Tensor grey = read_image(folder / "grey.png");
  EXPECT_EQ(grey.sizes(), (std::vector<std::int64_t>{3, 4, 3}));
  EXPECT_TRUE((grey == 77).all().item<bool>());
  save_with_opencv(folder / "opaque.png", cv::Mat(3, 4, CV_8UC4, cv::Scalar(1, 2, 3, 255)));
  const at::Tensor opaque = read_image(folder / "opaque.png");
  EXPECT_EQ(opaque[0][0][0].item<int>(), 3);
  EXPECT_EQ(opaque[0][0][2].item<int>(), 1);
}

TEST(Image, RefusesTransparencyAndSixteenBits) {
  const ScratchFolder folder;
  cv::Mat picture(3, 4, CV_8UC4, cv::Scalar(1, 2, 3, 255));
  picture.at<cv::Vec4b>(2, 1)[3] = 254;
  save_with_opencv(folder / "clear.png", picture);
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "clear.png"); }, {"clear.png", "transparent"});
  save_with_opencv(folder / "deep.png", cv::Mat(3, 4, CV_16UC3, cv::Scalar(1, 2, 3)));
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "deep.png"); }, {"deep.png", "16 bits"});
}

TEST(Image, RefusesEveryTruncationAndFlippedByte) {
  const ScratchFolder folder;
  write_image(folder / "image.png", moving_square(1, 16, 16)[0]);
  const std::string bytes = file_bytes(folder / "image.png");
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    SCOPED_TRACE(at);
    save_bytes(folder / "bad.png", bytes.substr(0, at));
    expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "bad.png"); }, {"bad.png", "accepted"});
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(~flipped[at]);
    save_bytes(folder / "bad.png", flipped);
    expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "bad.png"); }, {"bad.png", "accepted"});
  }
}

TEST(Image, RefusesAPictureTooLargeBeforeDecodingIt) {
  const ScratchFolder folder;
  // A valid PNG of one row, its header then claiming 100000 x 100000 pixels under the right checksum.
  write_image(folder / "image.png", at::empty({1, 1, 3}, at::kByte).fill_(9));
  std::string bytes = file_bytes(folder / "image.png");
  const std::array<unsigned char, 12> header{0x00, 0x01, 0x86, 0xA0, 0x00, 0x01, 0x86, 0xA0, 8, 2, 0, 0};
  std::copy(header.begin(), header.end(), bytes.begin() + 16);
  const std::string checksum = "\x27\x30\x9C\x9F";
  bytes.replace(29, 4, checksum);
  save_bytes(folder / "huge.png", bytes);
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "huge.png"); }, {"huge.png", "100000x100000"});
}

TEST(Image, RefusesMorePixelsThanIntegersCount) {
  const ScratchFolder folder;
  write_image(folder / "image.png", at::empty({1, 1, 3}, at::kByte).fill_(9));
  std::string bytes = file_bytes(folder / "image.png");
  bytes.replace(16, 8, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
  bytes.replace(29, 4, "\x5D\x94\xB9\x69");
  save_bytes(folder / "huge.png", bytes);
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "huge.png"); },
               {"4294967295x4294967295 pixels large"});
}

TEST(Image, RefusesATransparentShadeOfGrey) {
  const ScratchFolder folder;
  save_with_opencv(folder / "grey.png", cv::Mat(3, 4, CV_8UC1, cv::Scalar(77)));
  std::string bytes = file_bytes(folder / "grey.png");
  bytes.insert(33, std::string("\0\0\0\2tRNS\0\x4D\x7E\xFE\xF0\x15", 14));  // after the header
  save_bytes(folder / "key.png", bytes);
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "key.png"); }, {"has a transparent shade of grey"});
}

TEST(Image, ReadsALongSide) {
  const ScratchFolder folder;
  const at::Tensor line = at::empty({1, 100'000, 3}, at::kByte).fill_(5);
  write_image(folder / "line.png", line);
  EXPECT_TRUE(at::equal(read_image(folder / "line.png"), line));
}

TEST(Image, RefusesWhatIsNoPng) {
  const ScratchFolder folder;
  save_bytes(folder / "text.png", "not a picture");
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "text.png"); }, {"text.png", "no PNG"});
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "none.png"); }, {"none.png"});
  ASSERT_EQ(::mkfifo((folder / "pipe.png").c_str(), 0600), 0);
  expect_error(ExitCode::kBadInputFile, [&] { read_image(folder / "pipe.png"); }, {"pipe.png"});
}

TEST(Frames, RoundTripUnderFourDigitNames) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(12, 20, 30);
  write_frames(folder / "clip", frames);
  EXPECT_TRUE(std::filesystem::exists(folder / "clip/frame_0000.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "clip/frame_0011.png"));
  EXPECT_TRUE(at::equal(read_frames(folder / "clip"), frames));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"clip"});
}

TEST(Frames, ReplaceAFolderOfFramesOnlyWhenAllowed) {
  const ScratchFolder folder;
  write_frames(folder / "clip", moving_square(5, 16, 16));
  const at::Tensor shorter = moving_square(2, 16, 16, 1);
  expect_error(ExitCode::kOutputFailed, [&] { write_frames(folder / "clip", shorter, Existing::kKeep); }, {"clip"});
  EXPECT_TRUE(at::equal(read_frames(folder / "clip"), moving_square(5, 16, 16)));
  write_frames(folder / "clip", shorter);
  EXPECT_TRUE(at::equal(read_frames(folder / "clip"), shorter));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"clip"});
}

TEST(Frames, NeverReplaceAFolderOfOtherFiles) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "thesis");
  save_bytes(folder / "thesis/chapter.tex", "years of work");
  expect_error(ExitCode::kOutputFailed, [&] { write_frames(folder / "thesis", moving_square(2, 16, 16)); }, {"thesis"});
  EXPECT_EQ(file_bytes(folder / "thesis/chapter.tex"), "years of work");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"thesis"});
}

TEST(Frames, FillAnEmptyFolder) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "clip");
  write_frames(folder / "clip", moving_square(2, 16, 16), Existing::kKeep);
  EXPECT_EQ(read_frames(folder / "clip").size(0), 2);
}

TEST(Frames, LeaveNothingWhenTheDiskFills) {
  const ScratchFolder folder;
  const at::Tensor noise = at::randint(256, {3, 64, 64, 3}, at::kByte);
  {
    const test::FileSizeLimit full_disk(4'000);
    expect_error(ExitCode::kOutputFailed, [&] { write_frames(folder / "clip", noise); }, {"/clip:", "frame 0"});
    expect_error(ExitCode::kOutputFailed, [&] { write_image(folder / "image.png", noise[0]); }, {"/image.png:"});
  }
  EXPECT_TRUE(folder.names().empty());
}

TEST(Frames, AreReadInTheOrderOfTheirNumbers) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "clip");
  const at::Tensor frames = moving_square(3, 16, 16);
  write_image(folder / "clip/frame_9999.png", frames[0]);
  write_image(folder / "clip/frame_10000.png", frames[1]);
  write_image(folder / "clip/frame_010001.png", frames[2]);
  save_bytes(folder / "clip/notes.txt", "not a frame");
  EXPECT_TRUE(at::equal(read_frames(folder / "clip"), frames));
}

TEST(Frames, ReadNamesInCapitals) {
  const ScratchFolder folder;
  const at::Tensor frames = moving_square(2, 16, 16);
  write_frames(folder / "clip", frames);
  std::filesystem::rename(folder / "clip/frame_0001.png", folder / "clip/frame_0001.PNG");
  EXPECT_TRUE(at::equal(read_frames(folder / "clip"), frames));
}

TEST(Frames, RefuseMixedSizesAndEmptyFolders) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "clip");
  expect_error(ExitCode::kBadInputFile, [&] { read_frames(folder / "clip"); }, {"clip", "no frames"});
  write_image(folder / "clip/frame_0000.png", moving_square(1, 16, 24)[0]);
  write_image(folder / "clip/frame_0001.png", moving_square(1, 16, 16)[0]);
  expect_error(ExitCode::kBadInputFile, [&] { read_frames(folder / "clip"); }, {"frame_0001.png", "16x16", "24x16"});
  expect_error(ExitCode::kBadInputFile, [&] { read_frames(folder / "none"); }, {"none"});
}

TEST(Frames, StopAtTheByteLimit) {
  const ScratchFolder folder;
  write_frames(folder / "clip", moving_square(3, 16, 16));
  EXPECT_EQ(read_frames(folder / "clip", 3 * 16 * 16 * 3).size(0), 3);
  expect_error(ExitCode::kBadInputFile, [&] { read_frames(folder / "clip", 3 * 16 * 16 * 3 - 1); }, {"clip", "2303"});
}

}  // namespace
}  // namespace ditto
