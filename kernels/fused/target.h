#pragma once

/// Files under kernels/fused are compiled once for every target: CPU vector instruction sets (the build sets
/// DITTO_TARGET to portable, avx2 or avx512 and the flags that go with it), the GPU under nvcc, and the threads of a
/// GPU as fibres on the host (DITTO_FIBRES, for tests). All of their code lies in the namespace of the target, so that
/// no linker can take one target's function for another's. For the same reason they instantiate nothing of the standard
/// library or LibTorch.

#ifndef DITTO_TARGET
#error "DITTO_TARGET names the instruction set this file is compiled for"
#endif

#if defined(__CUDACC__) || defined(DITTO_FIBRES)
#define DITTO_GPU
#endif

/// DITTO_DEVICE is what a kernel computes with, DITTO_HOST what starts it.
#if defined(__CUDACC__)
#define DITTO_DEVICE __device__ __forceinline__
#define DITTO_HOST inline
#define DITTO_INLINE_LAMBDA
#else
#define DITTO_DEVICE inline __attribute__((always_inline))
#define DITTO_HOST inline __attribute__((always_inline))
#define DITTO_INLINE_LAMBDA __attribute__((always_inline))
#define DITTO_OUT_OF_LINE __attribute__((noinline))
#endif

/// Opens and closes the namespace of the target.
#define DITTO_BEGIN_TARGET namespace ditto::kernels::DITTO_TARGET {
#define DITTO_END_TARGET }
