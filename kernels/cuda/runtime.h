#pragma once

#include <string>

#include <c10/core/Device.h>
#include <c10/util/FunctionRef.h>

struct CUstream_st;

namespace ditto::kernels {

/// Calls start(stream) with LibTorch's current stream of the device, which is the current device meanwhile, and returns
/// what that returns.
int start_on_current_stream(c10::Device device, c10::function_ref<int(CUstream_st*)> start);

/// CUDA's name and words for an error code, which is forgotten: LibTorch's own checks would find it again.
std::string take_cuda_error(int error);

}  // namespace ditto::kernels
