#pragma once

#include <cstdint>

/// All that kernels use of a GPU: indices, barrier, shuffle, shared memory, 16-byte accesses, conversions and launch.
/// Compiled as plain C++ (by tests), the same names run the threads of a block as fibres on the host.

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#define DITTO_KERNEL static __global__
/// Before the declaration of a variable that the threads of a block share.
#define DITTO_SHARED __shared__
/// Before a kernel: the largest block it is launched with.
#define DITTO_MAX_BLOCK(threads) __launch_bounds__(threads)

namespace ditto::kernels::device {

using Stream = cudaStream_t;

__device__ __forceinline__ unsigned thread_index() { return threadIdx.x; }
__device__ __forceinline__ unsigned block_size() { return blockDim.x; }
__device__ __forceinline__ unsigned block_index() { return blockIdx.x; }

/// All threads of the block have come here, and see what the others wrote before.
__device__ __forceinline__ void barrier() { __syncthreads(); }

/// The value of the lane whose index differs from the own in `mask`; every lane of the warp takes part.
__device__ __forceinline__ float shuffle_xor(float value, unsigned mask) {
  return __shfl_xor_sync(0xffffffffU, value, static_cast<int>(mask));
}

/// Memory of a block, to be written and read by its threads with a barrier in between.
template <typename T, int kCount>
struct SharedArray {
  T values[kCount];
  __device__ __forceinline__ void write(unsigned index, T value) { values[index] = value; }
  __device__ __forceinline__ T read(unsigned index) const { return values[index]; }
};

/// One access of 16 bytes at a multiple of 16.
struct alignas(16) Bytes16 {
  std::uint32_t words[4];
};
__device__ __forceinline__ Bytes16 load_16(const void* from) {
  const uint4 bytes = *static_cast<const uint4*>(from);
  return {{bytes.x, bytes.y, bytes.z, bytes.w}};
}
__device__ __forceinline__ void store_16(void* to, const Bytes16& bytes) {
  // Spelled out, because the compiler splits the assignment of a uint4 made of 16-bit numbers.
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};"
               :
               : "l"(__cvta_generic_to_global(to)), "r"(bytes.words[0]), "r"(bytes.words[1]), "r"(bytes.words[2]),
                 "r"(bytes.words[3])
               : "memory");
}
/// The same of 8 bytes.
struct alignas(8) Bytes8 {
  std::uint32_t words[2];
};
__device__ __forceinline__ void store_8(void* to, const Bytes8& bytes) {
  asm volatile("st.global.v2.b32 [%0], {%1, %2};"
               :
               : "l"(__cvta_generic_to_global(to)), "r"(bytes.words[0]), "r"(bytes.words[1])
               : "memory");
}

__device__ __forceinline__ float square_root(float value) { return sqrtf(value); }
/// To the nearest whole number, ties to even.
__device__ __forceinline__ float nearest(float value) { return rintf(value); }

/// To nearest, ties to even; the first value in the lower half of the word.
__device__ __forceinline__ std::uint32_t to_bfloat16s(float first, float second) {
  std::uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  return bits;
}
__device__ __forceinline__ std::uint32_t to_halves(float first, float second) {
  std::uint32_t bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(second), "f"(first));
  return bits;
}
__device__ __forceinline__ float from_half(std::uint16_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

/// Starts a kernel on `grid` blocks of `block` threads; returns CUDA's error code, 0 when all is well.
template <typename... Parameters, typename... Arguments>
int launch(void (*kernel)(Parameters...), std::int64_t grid, int block, std::size_t shared_bytes, Stream stream,
           const Arguments&... arguments) {
  constexpr std::int64_t kMaxGrid = 0x7fffffff;
  if (grid > kMaxGrid) return cudaErrorInvalidConfiguration;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(grid));
  config.blockDim = dim3(static_cast<unsigned>(block));
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

}  // namespace ditto::kernels::device

#else
#include "cuda_host/device.h"  // tests/cuda_host
#endif
