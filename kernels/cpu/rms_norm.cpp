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
    // The table begins anew with every row of the batch.
    for (std::int64_t row = first; row < last;) {
      const std::int64_t begin = row / arguments.period * arguments.period, next = begin + arguments.period;
      const std::int64_t end = next < last ? next : last;
      map_rows(row, end, arguments.columns, arguments.width, source, statistic, weigh,
               Rotate{arguments.rotation, begin, arguments.width}, store);
      row = end;
    }
  });
}

DITTO_END_TARGET
