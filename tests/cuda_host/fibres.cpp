#include "cuda_host/fibres.h"

#include <algorithm>
#include <csetjmp>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace ditto::test {
namespace {

constexpr int kWarp = 32, kMaxBlock = 1024;
constexpr std::size_t kStackBytes = std::size_t{64} << 10;

enum class State : std::uint8_t { kReady, kAtBarrier, kAtShuffle, kDone };

struct Fibre {
  bool begun = false;  ///< then `place` is where it gave way
  jmp_buf place{};
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(kStackBytes);
  State state = State::kReady;
  // Two slots in turn: whoever writes the slot of one exchange again has seen all lanes arrive at the next one.
  std::uint64_t brought[2] = {};
  std::uint64_t exchanges = 0;
  int barriers = 0;
};

/// The block that is running. Blocks run one at a time, on one thread.
struct Block {
  std::vector<Fibre> fibres;
  unsigned running = 0;
  ThreadPosition position{};
  const std::function<void()>* body = nullptr;
  std::exception_ptr failure;
  std::uint64_t serial = 0, barriers = 0;
  jmp_buf scheduler{};
  Turns turns = Turns::kForward;
  std::mt19937 random;
  int missing_barrier = -1;
};
Block block;

// The address sanitizer is told of every change of stacks.
#if defined(__SANITIZE_ADDRESS__)
const void* scheduler_stack = nullptr;
std::size_t scheduler_stack_bytes = 0;
void start_switch(void** fake, const void* stack, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake, stack, bytes);
}
void finish_switch(void* fake, bool from_scheduler) {
  const void** const stack = from_scheduler ? &scheduler_stack : nullptr;
  __sanitizer_finish_switch_fiber(fake, stack, from_scheduler ? &scheduler_stack_bytes : nullptr);
}
void forget(const Fibre& fibre) { __asan_unpoison_memory_region(fibre.stack.get(), kStackBytes); }
const void* stack_of_scheduler() { return scheduler_stack; }
std::size_t bytes_of_scheduler() { return scheduler_stack_bytes; }
#else
void start_switch(void**, const void*, std::size_t) {}
void finish_switch(void*, bool) {}
void forget(const Fibre&) {}
const void* stack_of_scheduler() { return nullptr; }
std::size_t bytes_of_scheduler() { return 0; }
#endif

// Jumps instead of swapped contexts: those ask the system for the mask of signals each time.

void give_way(State state) {
  Fibre& fibre = block.fibres[block.running];
  fibre.state = state;
  void* fake = nullptr;
  start_switch(&fake, stack_of_scheduler(), bytes_of_scheduler());
  if (_setjmp(fibre.place) == 0) _longjmp(block.scheduler, 1);
  finish_switch(fake, /*from_scheduler=*/true);
}

/// A fibre runs the body of one block after the other.
void fibre_main() {
  finish_switch(nullptr, /*from_scheduler=*/true);
  for (;;) {
    try {
      (*block.body)();
    } catch (...) {
      block.failure = std::current_exception();
    }
    give_way(State::kDone);
  }
}

void enter(Fibre& fibre) {
  if (fibre.begun) _longjmp(fibre.place, 1);
  fibre.begun = true;
  ucontext_t beginning{};
  getcontext(&beginning);
  beginning.uc_stack.ss_sp = fibre.stack.get();
  beginning.uc_stack.ss_size = kStackBytes;
  makecontext(&beginning, fibre_main, 0);
  setcontext(&beginning);
}

void resume(unsigned thread) {
  Fibre& fibre = block.fibres[thread];
  block.running = thread;
  block.position.thread = thread;
  void* fake = nullptr;
  start_switch(&fake, fibre.stack.get(), kStackBytes);
  if (_setjmp(block.scheduler) == 0) enter(fibre);
  finish_switch(fake, /*from_scheduler=*/false);
}

void prepare(unsigned threads) {
  if (block.fibres.size() < threads) block.fibres.resize(threads);
  for (unsigned thread = 0; thread < threads; ++thread) {
    Fibre& fibre = block.fibres[thread];
    if (fibre.state != State::kDone) {
      // New, or left within a block that failed.
      fibre.begun = false;
      forget(fibre);
    }
    fibre.state = State::kReady;
    fibre.exchanges = 0;
    fibre.barriers = 0;
  }
}

void order(std::vector<std::int64_t>& indices) {
  if (block.turns == Turns::kReverse) std::ranges::reverse(indices);
  if (block.turns == Turns::kShuffled) std::ranges::shuffle(indices, block.random);
}

std::vector<std::int64_t> indices(std::int64_t count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

bool all_are(unsigned first, unsigned last, State state) {
  return std::all_of(block.fibres.begin() + first, block.fibres.begin() + last,
                     [&](const Fibre& fibre) { return fibre.state == state; });
}

/// Lets go on whom nothing holds any more; false when all threads wait for one that will not come.
bool release(unsigned threads) {
  if (all_are(0, threads, State::kAtBarrier)) {
    ++block.barriers;
    for (unsigned thread = 0; thread < threads; ++thread) block.fibres[thread].state = State::kReady;
    return true;
  }
  bool released = false;
  for (unsigned first = 0; first < threads; first += kWarp) {
    if (!all_are(first, first + kWarp, State::kAtShuffle)) continue;
    for (unsigned lane = 0; lane < kWarp; ++lane) block.fibres[first + lane].state = State::kReady;
    released = true;
  }
  return released;
}

void run_block(unsigned threads) {
  ++block.serial;
  block.barriers = 0;
  prepare(threads);
  std::vector<std::int64_t> turn = indices(threads);
  while (!all_are(0, threads, State::kDone)) {
    order(turn);
    for (const std::int64_t thread : turn) {
      if (block.fibres[static_cast<std::size_t>(thread)].state == State::kReady) resume(static_cast<unsigned>(thread));
      if (block.failure) std::rethrow_exception(std::exchange(block.failure, nullptr));
    }
    if (!release(threads) && !all_are(0, threads, State::kDone)) {
      throw KernelFault("some threads wait at a barrier or shuffle that the others never reach");
    }
  }
}

}  // namespace

ScopedTurns::ScopedTurns(Turns turns) { block.turns = turns; }
ScopedTurns::~ScopedTurns() { block.turns = Turns::kForward; }

ScopedMissingBarrier::ScopedMissingBarrier(int index) { block.missing_barrier = index; }
ScopedMissingBarrier::~ScopedMissingBarrier() { block.missing_barrier = -1; }

void run_grid(std::int64_t grid, int threads, const std::function<void()>& body) {
  if (grid < 1 || threads < 1 || threads > kMaxBlock || threads % kWarp != 0) {
    throw KernelFault("a grid of " + std::to_string(grid) + " blocks of " + std::to_string(threads) + " threads");
  }
  block.body = &body;
  block.random.seed(1);
  std::vector<std::int64_t> blocks = indices(grid);
  order(blocks);
  for (const std::int64_t index : blocks) {
    block.position = {0, static_cast<unsigned>(threads), static_cast<unsigned>(index)};
    run_block(static_cast<unsigned>(threads));
  }
}

const ThreadPosition& position() { return block.position; }
std::uint64_t block_serial() { return block.serial; }
std::uint64_t barriers_passed() { return block.barriers; }

void wait_for_block() {
  if (block.fibres[block.running].barriers++ != block.missing_barrier) give_way(State::kAtBarrier);
}

std::uint64_t exchange_in_warp(std::uint64_t bits, unsigned mask) {
  const unsigned own = block.running;
  const std::uint64_t slot = block.fibres[own].exchanges++ % 2;
  block.fibres[own].brought[slot] = bits;
  give_way(State::kAtShuffle);
  if (mask >= kWarp) fault("a shuffle leaves the warp");
  return block.fibres[own ^ mask].brought[slot];
}

void fault(const std::string& what) { throw KernelFault(what); }

}  // namespace ditto::test
