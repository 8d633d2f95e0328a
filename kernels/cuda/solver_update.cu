#include "kernels/cuda/launchers.h"
#include "kernels/cuda/map.h"
#include "kernels/fused/lists.h"

DITTO_BEGIN_TARGET
namespace {

template <typename... Pointers>
bool all_aligned(const Pointers*... pointers) {
  return (is_aligned(pointers) && ...);
}

}  // namespace

int euler_update(const EulerArguments& arguments, std::int64_t count, CUstream_st* stream) {
  const VelocityArguments& velocity = arguments.velocity;
  const bool aligned = all_aligned(velocity.conditional, velocity.unconditional, arguments.latent, arguments.out);
  int error = 0;
  with_type(velocity.type, [&]<typename T>(T) {
    euler_list<T>(arguments, [&](const auto&... stages) { error = launch_map(aligned, 1, count, stream, stages...); });
  });
  return error;
}

int unipc_update(const UniPcArguments& arguments, std::int64_t count, CUstream_st* stream) {
  const VelocityArguments& velocity = arguments.velocity;
  const bool aligned =
      all_aligned(velocity.conditional, velocity.unconditional, arguments.latent, arguments.start, arguments.current,
                  arguments.previous, arguments.data, arguments.corrected, arguments.next);
  int error = 0;
  with_type(velocity.type, [&]<typename T>(T) {
    unipc_list<T>(arguments, [&](const auto&... stages) { error = launch_map(aligned, 1, count, stream, stages...); });
  });
  return error;
}

DITTO_END_TARGET
