#include "kernels/cuda/launchers.h"
#include "kernels/cuda/rows.h"
#include "kernels/fused/lists.h"

DITTO_BEGIN_TARGET

int rms_norm(const RmsNormArguments& arguments, std::int64_t rows, CUstream_st* stream) {
  const bool aligned = is_aligned(arguments.x, arguments.type) && is_aligned(arguments.out, arguments.type) &&
                       is_aligned(arguments.weight) && is_aligned(arguments.wide_weight) &&
                       is_aligned(arguments.rotation);
  int error = 0;
  with_type(arguments.type, [&]<typename T>(T) {
    rms_norm_list<T>(arguments, 0, rows,
                     [&](std::int64_t first, std::int64_t last, std::int64_t segment, const auto&... list) {
                       if (error != 0) return;
                       error = launch_rows(aligned, first, last, arguments.columns, segment, stream, list...);
                     });
  });
  return error;
}

DITTO_END_TARGET
