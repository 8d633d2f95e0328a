#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/rows.h"

DITTO_BEGIN_TARGET
namespace {

/// int32 sums of products of quantised rows and columns, as numbers.
struct Rescaled {
  Rows<const std::int32_t> sums;
  const float* row_scale;
  Columns<float> column_scale;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack&) const {
    return load(sums, place) * row_scale[place.row] * load(column_scale, place);
  }
};

}  // namespace

void quantise(const QuantiseArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    map_rows(first, last, arguments.columns, arguments.columns, Load<Rows<const T>>{rows_of<T>(arguments.x)},
             SymmetricInt8{arguments.scales}, Store<std::int8_t>{rows_of<std::int8_t>(arguments.out)});
  });
}

void dequantise(const DequantiseArguments& arguments, std::int64_t first, std::int64_t last) {
  with_type(arguments.type, [&]<typename T>(T) {
    map(Tile{first, last, 0, arguments.columns},
        Rescaled{rows_of<std::int32_t>(arguments.sums), arguments.row_scale, {arguments.column_scale}},
        Optional<Add, Columns<float>>{{arguments.bias}}, Optional<Multiply, Columns<float>>{{arguments.gate}},
        Optional<Add, Rows<const T>>{rows_of<T>(arguments.residual)}, Store<T>{rows_of<T>(arguments.out)});
  });
}

DITTO_END_TARGET
