#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/rows.h"

DITTO_BEGIN_TARGET

void layer_norm(const LayerNormArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    layer_norm_list<T>(arguments, [&](const auto&... list) DITTO_INLINE_LAMBDA {
      map_rows(first, last, arguments.columns, arguments.columns, list...);
    });
  });
}

DITTO_END_TARGET
