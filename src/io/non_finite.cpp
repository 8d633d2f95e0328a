#include "io/non_finite.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <ATen/Parallel.h>

namespace ditto {
namespace {

constexpr std::int64_t kBlock = 4096;  // words between two looks at the result: keeps the inner loop branchless
constexpr std::int64_t kWordsPerTask = 1 << 18;

/// Whether a word has all bits of `mask`, the bits of the exponent (and, for a format without infinity, the mantissa).
template <typename Word>
bool any_filled(const at::Tensor& tensor, Word mask) {
  const auto* words = static_cast<const Word*>(tensor.const_data_ptr());
  std::atomic<bool> found = false;
  at::parallel_for(0, tensor.numel(), kWordsPerTask, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end && !found.load(std::memory_order_relaxed); at += kBlock) {
      const std::int64_t stop = std::min(at + kBlock, end);
      Word filled = 0;
      for (std::int64_t i = at; i < stop; ++i) filled |= static_cast<Word>((words[i] & mask) == mask);
      if (filled != 0) found.store(true, std::memory_order_relaxed);
    }
  });
  return found;
}

}  // namespace

bool has_non_finite(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return any_filled<std::uint64_t>(tensor, 0x7FF0000000000000u);
    case at::kFloat:
      return any_filled<std::uint32_t>(tensor, 0x7F800000u);
    case at::kHalf:
      return any_filled<std::uint16_t>(tensor, 0x7C00u);
    case at::kBFloat16:
      return any_filled<std::uint16_t>(tensor, 0x7F80u);
    case at::kFloat8_e5m2:
      return any_filled<std::uint8_t>(tensor, 0x7Cu);
    case at::kFloat8_e4m3fn:
      return any_filled<std::uint8_t>(tensor, 0x7Fu);
    default:
      return false;
  }
}

}  // namespace ditto
