#include "kernels/cpu/entry_points.h"
#include "kernels/fused/rows.h"
#include "kernels/fused/stages.h"
#include "kernels/fused/statistics.h"

DITTO_BEGIN_TARGET

void layer_norm(const LayerNormArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    map_rows(first, last, arguments.columns, arguments.columns, Load<Rows<const T>>{rows_of<T>(arguments.x)},
             MeanAndVariance{{}, arguments.epsilon}, Multiply<Columns<float>>{{arguments.scale}},
             Add<Columns<float>>{{arguments.shift}}, Store<T>{rows_of<T>(arguments.out)});
  });
}

DITTO_END_TARGET
