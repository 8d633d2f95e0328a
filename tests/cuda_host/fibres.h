#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace ditto::test {

/// What a kernel did that a GPU forbids: a race on shared memory, a barrier or shuffle that not all threads reach, a
/// misaligned access, a launch of an impossible size.
class KernelFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// In which order threads and blocks take turns; no result may depend on it.
enum class Turns : std::uint8_t { kForward, kReverse, kShuffled };
inline constexpr Turns kAllTurns[] = {Turns::kForward, Turns::kReverse, Turns::kShuffled};

/// The order of the launches while it lives. One at a time.
class ScopedTurns {
 public:
  explicit ScopedTurns(Turns turns);
  ~ScopedTurns();
  ScopedTurns(const ScopedTurns&) = delete;
  ScopedTurns& operator=(const ScopedTurns&) = delete;
};

/// Takes one barrier out of every kernel while it lives: the one that each thread of a block reaches as number `index`.
class ScopedMissingBarrier {
 public:
  explicit ScopedMissingBarrier(int index);
  ~ScopedMissingBarrier();
  ScopedMissingBarrier(const ScopedMissingBarrier&) = delete;
  ScopedMissingBarrier& operator=(const ScopedMissingBarrier&) = delete;
};

/// Runs `body` as every thread of every block: blocks one after the other, the threads of one as fibres that give way
/// at barriers and shuffles. Throws KernelFault, or what `body` threw, with the block left as it was.
void run_grid(std::int64_t grid, int block, const std::function<void()>& body);

/// Of the running thread.
struct ThreadPosition {
  unsigned thread, block_size, block;
};
const ThreadPosition& position();
/// How many blocks have been begun so far, and how many barriers the block has passed.
std::uint64_t block_serial();
std::uint64_t barriers_passed();

void wait_for_block();
/// The 64 bits that the lane at index `own ^ mask` of the warp brings to the same call.
std::uint64_t exchange_in_warp(std::uint64_t bits, unsigned mask);

[[noreturn]] void fault(const std::string& what);

}  // namespace ditto::test
