#include "kernels/cuda/launchers.h"
#include "kernels/cuda/rows.h"
#include "kernels/fused/lists.h"

DITTO_BEGIN_TARGET

int layer_norm(const LayerNormArguments& arguments, std::int64_t rows, CUstream_st* stream) {
  const bool aligned = is_aligned(arguments.x, arguments.type) && is_aligned(arguments.out, arguments.type) &&
                       is_aligned(arguments.scale) && is_aligned(arguments.shift);
  int error = 0;
  with_type(arguments.type, [&]<typename T>(T) {
    layer_norm_list<T>(arguments, [&](const auto&... list) {
      error = launch_rows(aligned, 0, rows, arguments.columns, arguments.columns, stream, list...);
    });
  });
  return error;
}

DITTO_END_TARGET
