#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/rows.h"

DITTO_BEGIN_TARGET

void rms_norm(const RmsNormArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    rms_norm_list<T>(arguments, first, last,
                     [&](std::int64_t begin, std::int64_t end, std::int64_t segment, const auto&... list)
                         DITTO_INLINE_LAMBDA { map_rows(begin, end, arguments.columns, segment, list...); });
  });
}

DITTO_END_TARGET
