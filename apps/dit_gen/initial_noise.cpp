#include "apps/dit_gen/initial_noise.h"

#include <ATen/ops/isfinite.h>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/safetensors.h"

namespace ditto {

at::Tensor read_noise(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto refuse = [&](const std::string& what) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: {}; accepted: a tensor \"noise\", fp32 [1,C,F,H,W]", printable(path.string()), what));
  };
  const TensorInfo* info = file.find("noise");
  if (info == nullptr) refuse("has no tensor \"noise\"");
  if (info->dtype != at::kFloat || info->shape.size() != 5) {
    refuse(fmt::format("\"noise\" is {} [{}]", c10::toString(info->dtype), fmt::join(info->shape, ",")));
  }
  const at::Tensor noise = file.tensor("noise").clone();
  if (!at::isfinite(noise).all().item<bool>()) refuse("\"noise\" holds NaN or infinity");
  return noise;
}

}  // namespace ditto
