#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/rows.h"

DITTO_BEGIN_TARGET

void quantise(const QuantiseArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    quantise_list<T>(arguments, [&](const auto&... list) DITTO_INLINE_LAMBDA {
      map_rows(first, last, arguments.columns, arguments.columns, list...);
    });
  });
}

void dequantise(const DequantiseArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    dequantise_list<T>(arguments, [&](const auto&... stages) DITTO_INLINE_LAMBDA {
      map(Tile{first, last, 0, arguments.columns}, stages...);
    });
  });
}

DITTO_END_TARGET
