#include "kernels/cuda/launchers.h"
#include "kernels/cuda/map.h"
#include "kernels/cuda/rows.h"
#include "kernels/fused/lists.h"

DITTO_BEGIN_TARGET

int quantise(const QuantiseArguments& arguments, std::int64_t rows, CUstream_st* stream) {
  const bool aligned = is_aligned(arguments.x, arguments.type) &&
                       is_aligned(arguments.out.data, arguments.out.stride, sizeof(std::int8_t));
  int error = 0;
  with_type(arguments.type, [&]<typename T>(T) {
    quantise_list<T>(arguments, [&](const auto&... list) {
      error = launch_rows(aligned, 0, rows, arguments.columns, arguments.columns, stream, list...);
    });
  });
  return error;
}

int dequantise(const DequantiseArguments& arguments, std::int64_t rows, CUstream_st* stream) {
  const bool aligned = is_aligned(arguments.sums.data, arguments.sums.stride, sizeof(std::int32_t)) &&
                       is_aligned(arguments.column_scale) && is_aligned(arguments.bias) && is_aligned(arguments.gate) &&
                       is_aligned(arguments.residual, arguments.type) && is_aligned(arguments.out, arguments.type);
  int error = 0;
  with_type(arguments.type, [&]<typename T>(T) {
    dequantise_list<T>(arguments, [&](const auto&... stages) {
      error = launch_map(aligned, rows, arguments.columns, stream, stages...);
    });
  });
  return error;
}

DITTO_END_TARGET
