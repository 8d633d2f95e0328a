#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/map.h"

DITTO_BEGIN_TARGET

void blend(const BlendArguments& arguments, std::int64_t first, std::int64_t last, std::int64_t begin,
           std::int64_t end) {
  with_type(arguments.type, [&]<typename T>(T) {
    blend_list<T>(arguments, [&](const auto&... stages) DITTO_INLINE_LAMBDA {
      map(Tile{first, last, begin, end}, stages...);
    });
  });
}

DITTO_END_TARGET
