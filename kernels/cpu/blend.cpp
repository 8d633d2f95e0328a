#include "kernels/cpu/entry_points.h"
#include "kernels/fused/map.h"
#include "kernels/fused/stages.h"

DITTO_BEGIN_TARGET
namespace {

template <typename T, typename Sum>
void finish(const BlendArguments& arguments, const Tile& tile, const Sum& sum) {
  map(tile, sum, Optional<Add, Columns<float>>{{arguments.bias}}, Optional<Multiply, Columns<float>>{{arguments.gate}},
      Optional<Add, Rows<const T>>{rows_of<T>(arguments.residual)}, Store<T>{rows_of<T>(arguments.out)});
}

template <typename T, int kTerms>
void blend_terms(const BlendArguments& arguments, const Tile& tile) {
  if (arguments.column_weights == nullptr) {
    WeightedSum<T, kTerms> sum;
    for (int k = 0; k < kTerms; ++k) {
      sum.terms[k] = rows_of<T>(arguments.terms[k]);
      sum.weights[k] = arguments.weights[k];
    }
    finish<T>(arguments, tile, sum);
  } else {
    ColumnWeightedSum<T, kTerms> sum;
    for (int k = 0; k < kTerms; ++k) {
      sum.terms[k] = rows_of<T>(arguments.terms[k]);
      sum.weights[k] = {arguments.column_weights + k * arguments.columns};
    }
    finish<T>(arguments, tile, sum);
  }
}

template <typename T, int kTerms = 1>
void select_terms(const BlendArguments& arguments, const Tile& tile) {
  if (arguments.count == kTerms) return blend_terms<T, kTerms>(arguments, tile);
  if constexpr (kTerms < kMaxTerms) select_terms<T, kTerms + 1>(arguments, tile);
}

}  // namespace

void blend(const BlendArguments& arguments, std::int64_t first, std::int64_t last, std::int64_t begin,
           std::int64_t end) {
  with_type(arguments.type, [&]<typename T>(T) { select_terms<T>(arguments, {first, last, begin, end}); });
}

DITTO_END_TARGET
