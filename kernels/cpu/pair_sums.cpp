#include "kernels/cpu/entry_points.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/reduce.h"

DITTO_BEGIN_TARGET
namespace {

template <typename... Terms>
void sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals) {
  with_type(arguments.type, [&]<typename T>(T) {
    reduce_pair<Terms...>(static_cast<const T*>(arguments.a) + first, static_cast<const T*>(arguments.b) + first,
                          last - first, totals);
  });
}

}  // namespace

void l1_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals) {
  sums<AbsoluteDifference, AbsoluteSecond>(arguments, first, last, totals);
}

void product_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals) {
  sums<Product, SquaredFirst, SquaredSecond>(arguments, first, last, totals);
}

void squared_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals) {
  sums<SquaredDifference>(arguments, first, last, totals);
}

DITTO_END_TARGET
