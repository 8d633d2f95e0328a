#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include <ATen/ops/equal.h>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/image.h"
#include "io/video.h"
#include "media_support.h"

namespace ditto {
namespace {

using test::moving_square;
using test::ScratchFolder;

constexpr int kRounds = 20;
constexpr int kClips = 3;
constexpr int kFrames = 5;

at::Tensor clip(int which) { return moving_square(kFrames, 48, 48, which); }

/// Runs `write(0), write(1), ...` over and over in a child process and kills it after a random time.
void kill_writer(const std::function<void(int)>& write, std::mt19937& random) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      for (int round = 0;; ++round) write(round % kClips);
    } catch (...) {
      ::_exit(1);
    }
  }
  std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(500, 40'000)(random)));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
}

TEST(Kill, NoVideoIsTorn) {
  std::mt19937 random(11);
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "clip.mp4";
  std::vector<at::Tensor> complete;
  for (int which = 0; which < kClips; ++which) {
    write_video(folder / "reference.mp4", clip(which));
    complete.push_back(read_video(folder / "reference.mp4").frames);
  }
  int found = 0;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 4 == 0) std::filesystem::remove(path);
    kill_writer([&](int which) { write_video(path, clip(which)); }, random);
    if (!std::filesystem::exists(path)) continue;
    ++found;
    const at::Tensor frames = read_video(path).frames;
    bool whole = false;
    for (const at::Tensor& expected : complete) whole = whole || at::equal(frames, expected);
    EXPECT_TRUE(whole) << "round " << round;
  }
  EXPECT_GT(found, 0) << "every writer died before its first file, so nothing was tested";
}

TEST(Kill, NoFolderOfFramesIsTorn) {
  std::mt19937 random(12);
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "clip";
  int found = 0;
  for (int round = 0; round < kRounds; ++round) {
    if (round % 4 == 0) std::filesystem::remove_all(path);
    kill_writer([&](int which) { write_frames(path, clip(which)); }, random);
    if (!std::filesystem::exists(path)) continue;
    ++found;
    const at::Tensor frames = read_frames(path);
    bool whole = false;
    for (int which = 0; which < kClips; ++which) whole = whole || at::equal(frames, clip(which));
    EXPECT_TRUE(whole) << "round " << round;
  }
  EXPECT_GT(found, 0) << "every writer died before its first folder, so nothing was tested";
}

}  // namespace
}  // namespace ditto
