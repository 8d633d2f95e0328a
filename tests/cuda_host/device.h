#pragma once

// What kernels/cuda/device.h offers to kernels, on the host.

#include <cstdint>
#include <cstring>

#include "cuda_host/fibres.h"
#include "cuda_host/shared_array.h"

struct CUstream_st;

#define DITTO_KERNEL static
#define DITTO_SHARED static
#define DITTO_MAX_BLOCK(threads)

namespace ditto::kernels::device {

using Stream = CUstream_st*;
using test::SharedArray;

inline unsigned thread_index() { return test::position().thread; }
inline unsigned block_size() { return test::position().block_size; }
inline unsigned block_index() { return test::position().block; }
inline void barrier() { test::wait_for_block(); }

inline float shuffle_xor(float value, unsigned mask) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = static_cast<std::uint32_t>(test::exchange_in_warp(bits, mask));
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

struct alignas(16) Bytes16 {
  std::uint32_t words[4];
};
inline void check_16(const void* address) {
  if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0) test::fault("a 16-byte access is misaligned");
}
inline Bytes16 load_16(const void* from) {
  check_16(from);
  Bytes16 bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  return bytes;
}
inline void store_16(void* to, const Bytes16& bytes) {
  check_16(to);
  std::memcpy(to, &bytes, sizeof(bytes));
}
struct alignas(8) Bytes8 {
  std::uint32_t words[2];
};
inline void store_8(void* to, const Bytes8& bytes) {
  if (reinterpret_cast<std::uintptr_t>(to) % 8 != 0) test::fault("an 8-byte access is misaligned");
  std::memcpy(to, &bytes, sizeof(bytes));
}

inline float square_root(float value) { return __builtin_sqrtf(value); }
inline float nearest(float value) { return __builtin_nearbyintf(value); }

std::uint16_t to_bfloat16(float value);
std::uint16_t to_half(float value);
inline std::uint32_t to_bfloat16s(float first, float second) {
  return to_bfloat16(first) | static_cast<std::uint32_t>(to_bfloat16(second)) << 16;
}
inline std::uint32_t to_halves(float first, float second) {
  return to_half(first) | static_cast<std::uint32_t>(to_half(second)) << 16;
}
float from_half(std::uint16_t bits);

/// As on a GPU, but finished when it returns.
template <typename... Parameters, typename... Arguments>
int launch(void (*kernel)(Parameters...), std::int64_t grid, int block, std::size_t shared_bytes, Stream,
           const Arguments&... arguments) {
  if (shared_bytes != 0) test::fault("fibres have no dynamic shared memory");
  test::run_grid(grid, block, [&] { kernel(arguments...); });
  return 0;
}

}  // namespace ditto::kernels::device
