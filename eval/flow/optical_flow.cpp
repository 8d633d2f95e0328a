#include "eval/flow/optical_flow.h"

#include <filesystem>

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/error.h"
#include "eval/flow/flow_module.h"

namespace ditto {
namespace {

/// The module beside this library.
std::filesystem::path module_path() {
  Dl_info info{};
  dladdr(reinterpret_cast<const void*>(&mean_flow_lengths), &info);
  return std::filesystem::path(info.dli_fname).parent_path() / "libditto_flow.so";
}

FlowFunction open_module() {
  void* module = dlopen(module_path().c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (module == nullptr) {
    throw Error(ExitCode::kInternal, fmt::format("motion: the optical flow module cannot be opened: {}", dlerror()));
  }
  return reinterpret_cast<FlowFunction>(dlsym(module, kFlowFunctionName));
}

}  // namespace

std::vector<double> mean_flow_lengths(const at::Tensor& frames) {
  static const FlowFunction mean_flow_length = open_module();
  const at::Tensor clip = frames.contiguous();
  const int height = static_cast<int>(clip.size(1)), width = static_cast<int>(clip.size(2));
  std::vector<double> lengths;
  for (std::int64_t frame = 0; frame + 1 < clip.size(0); ++frame) {
    lengths.push_back(mean_flow_length(clip[frame].const_data_ptr<std::uint8_t>(),
                                       clip[frame + 1].const_data_ptr<std::uint8_t>(), height, width));
  }
  return lengths;
}

}  // namespace ditto
