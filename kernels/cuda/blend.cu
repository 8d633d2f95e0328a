#include "kernels/cuda/launchers.h"
#include "kernels/cuda/map.h"
#include "kernels/fused/lists.h"

DITTO_BEGIN_TARGET
namespace {

bool all_aligned(const BlendArguments& arguments) {
  bool aligned = is_aligned(arguments.residual, arguments.type) && is_aligned(arguments.out, arguments.type) &&
                 is_aligned(arguments.bias) && is_aligned(arguments.gate) &&
                 is_aligned(arguments.column_weights, arguments.columns, sizeof(float));
  for (int k = 0; k < arguments.count; ++k) aligned = aligned && is_aligned(arguments.terms[k], arguments.type);
  return aligned;
}

}  // namespace

int blend(const BlendArguments& arguments, std::int64_t rows, CUstream_st* stream) {
  int error = 0;
  with_type(arguments.type, [&]<typename T>(T) {
    blend_list<T>(arguments, [&](const auto&... stages) {
      error = launch_map(all_aligned(arguments), rows, arguments.columns, stream, stages...);
    });
  });
  return error;
}

DITTO_END_TARGET
