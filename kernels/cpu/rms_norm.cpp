#include "kernels/cpu/entry_points.h"
#include "kernels/fused/rows.h"
#include "kernels/fused/stages.h"
#include "kernels/fused/statistics.h"

DITTO_BEGIN_TARGET

void rms_norm(const RmsNormArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    const Load<Rows<const T>> source{rows_of<T>(arguments.x)};
    const RootMeanSquare statistic{{}, arguments.epsilon};
    const Multiply<Columns<T>> weigh{{static_cast<const T*>(arguments.weight)}};
    const Store<T> store{rows_of<T>(arguments.out)};
    if (arguments.rotation == nullptr) {
      return map_rows(first, last, arguments.columns, arguments.columns, source, statistic, weigh, store);
    }
    map_rows(first, last, arguments.columns, arguments.width, source, statistic, weigh,
             Rotate{arguments.rotation, arguments.period, arguments.width}, store);
  });
}

DITTO_END_TARGET
