// The harness itself: threads as fibres meet at barriers and shuffles, and what a GPU forbids is found.

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <gtest/gtest.h>

#include "cuda_host/device.h"

namespace ditto::test {
namespace {

namespace device = kernels::device;

/// Runs a kernel in every order of threads and blocks.
void in_every_order(const auto& check) {
  for (const Turns turns : kAllTurns) {
    SCOPED_TRACE(static_cast<int>(turns));
    const ScopedTurns scoped(turns);
    check();
  }
}

constexpr int kThreads = 96;

/// Every thread writes its index and reads that of its right neighbour, `rounds` times over the same memory.
void pass_on(std::vector<unsigned>* out, int rounds, bool barrier_between_rounds) {
  DITTO_SHARED device::SharedArray<unsigned, kThreads> shared;
  const unsigned thread = device::thread_index();
  unsigned value = thread;
  for (int round = 0; round < rounds; ++round) {
    shared.write(thread, value);
    device::barrier();
    value = shared.read((thread + 1) % kThreads);
    if (barrier_between_rounds) device::barrier();
  }
  (*out)[device::block_index() * kThreads + thread] = value;
}

TEST(Fibres, SeeWhatOthersWroteBeforeABarrier) {
  in_every_order([] {
    std::vector<unsigned> out(2 * kThreads);
    device::launch(pass_on, 2, kThreads, 0, nullptr, &out, 3, true);
    for (unsigned i = 0; i < 2 * kThreads; ++i) EXPECT_EQ(out[i], (i % kThreads + 3) % kThreads);
  });
}

TEST(Fibres, MissingBarriersAreFound) {
  in_every_order([] {
    std::vector<unsigned> out(kThreads);
    // Between a write and others' reads, and between reads and the next write.
    EXPECT_THROW(device::launch(pass_on, 1, kThreads, 0, nullptr, &out, 2, false), KernelFault);
    for (const int missing : {0, 1, 2}) {
      const ScopedMissingBarrier scoped(missing);
      EXPECT_THROW(device::launch(pass_on, 1, kThreads, 0, nullptr, &out, 2, true), KernelFault) << missing;
    }
  });
}

void add_up(std::vector<float>* out) {
  float value = static_cast<float>(device::thread_index());
  for (unsigned mask = 16; mask > 0; mask /= 2) value += device::shuffle_xor(value, mask);
  (*out)[device::thread_index()] = value;
}

TEST(Fibres, ShuffleWithinTheirWarp) {
  in_every_order([] {
    std::vector<float> out(kThreads);
    device::launch(add_up, 1, kThreads, 0, nullptr, &out);
    for (int i = 0; i < kThreads; ++i) {
      const auto warp = static_cast<float>(i / 32);
      EXPECT_EQ(out[static_cast<std::size_t>(i)], 32 * 32 * warp + 496);
    }
  });
}

void leave_early(bool from_shuffle) {
  if (device::thread_index() == 5) return;
  from_shuffle ? static_cast<void>(device::shuffle_xor(1, 1)) : device::barrier();
}

TEST(Fibres, ABarrierThatNotAllReachIsFound) {
  in_every_order([] {
    for (const bool from_shuffle : {false, true}) {
      EXPECT_THROW(device::launch(leave_early, 1, kThreads, 0, nullptr, from_shuffle), KernelFault);
    }
  });
}

void two_writers() {
  DITTO_SHARED device::SharedArray<unsigned, 1> shared;
  shared.write(0, device::thread_index());
}
void read_unwritten() {
  DITTO_SHARED device::SharedArray<unsigned, 1> shared;
  if (device::block_index() == 0) {
    if (device::thread_index() == 0) shared.write(0, 1);
  } else {
    shared.read(0);
  }
}
void beyond_the_end() {
  DITTO_SHARED device::SharedArray<unsigned, 1> shared;
  shared.write(1, 0);
}
void misaligned(const char* bytes) { device::load_16(bytes + 8); }

TEST(Fibres, OtherFaultsAreFound) {
  in_every_order([] {
    EXPECT_THROW(device::launch(two_writers, 1, 32, 0, nullptr), KernelFault);
    EXPECT_THROW(device::launch(read_unwritten, 2, 32, 0, nullptr), KernelFault);
    EXPECT_THROW(device::launch(beyond_the_end, 1, 32, 0, nullptr), KernelFault);
  });
  alignas(16) const char bytes[32] = {};
  EXPECT_THROW(device::launch(misaligned, 1, 32, 0, nullptr, &bytes[0]), KernelFault);
  for (const int threads : {0, 33, 1056}) {
    EXPECT_THROW(device::launch(two_writers, 1, threads, 0, nullptr), KernelFault) << threads;
  }
  EXPECT_THROW(device::launch(two_writers, 0, 32, 0, nullptr), KernelFault);
  // The next kernel is none the worse for it.
  std::vector<float> out(kThreads);
  device::launch(add_up, 1, kThreads, 0, nullptr, &out);
  EXPECT_EQ(out[0], 496);
}

TEST(Fibres, ConversionsRoundAsTheirFormats) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = device::from_half(half), expected = c10::Half(half, c10::Half::from_bits());
    if (value != value) {
      EXPECT_TRUE(expected != expected) << bits;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(value), std::bit_cast<std::uint32_t>(expected)) << bits;
    }
  }
  // Steps that meet every exponent, ties and both of their sides.
  for (std::uint64_t step = 0; step < (std::uint64_t{1} << 32); step += 0x0fff) {
    for (const std::uint32_t bits : {static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step) & ~0xfffU}) {
      const auto value = std::bit_cast<float>(bits);
      if (value != value) {
        const std::uint16_t half = device::to_half(value), bfloat16 = device::to_bfloat16(value);
        ASSERT_TRUE((half & 0x7fffU) > 0x7c00U && (bfloat16 & 0x7fffU) > 0x7f80U);
      } else {
        ASSERT_EQ(device::to_half(value), c10::Half(value).x) << bits;
        ASSERT_EQ(device::to_bfloat16(value), c10::BFloat16(value).x) << bits;
      }
    }
  }
}

}  // namespace
}  // namespace ditto::test
