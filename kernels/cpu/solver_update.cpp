#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/map.h"

DITTO_BEGIN_TARGET

void euler_update(const EulerArguments& arguments, std::int64_t begin, std::int64_t end) {
  with_type(arguments.velocity.type, [&]<typename T>(T) {
    euler_list<T>(arguments, [&](const auto&... stages) DITTO_INLINE_LAMBDA {
      map(Tile{0, 1, begin, end}, stages...);
    });
  });
}

void unipc_update(const UniPcArguments& arguments, std::int64_t begin, std::int64_t end) {
  with_type(arguments.velocity.type, [&]<typename T>(T) {
    unipc_list<T>(arguments, [&](const auto&... stages) DITTO_INLINE_LAMBDA {
      map(Tile{0, 1, begin, end}, stages...);
    });
  });
}

DITTO_END_TARGET
