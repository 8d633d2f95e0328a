#pragma once

#include <cstdint>

namespace ditto::kernels {

/// Elements that keep one thread busy long enough to be worth waking another.
inline constexpr std::int64_t kElementsPerThread = 32768;

/// Splits [0, count) over LibTorch's threads in parts of at least `grain` and calls body(state, first, last) for each;
/// all on the calling thread when one part is enough.
void parallel_ranges(std::int64_t count, std::int64_t grain,
                     void (*body)(const void* state, std::int64_t first, std::int64_t last), const void* state);

/// The same with a callable.
template <typename Body>
void parallel_ranges(std::int64_t count, std::int64_t grain, const Body& body) {
  parallel_ranges(
      count, grain,
      [](const void* state, std::int64_t first, std::int64_t last) { (*static_cast<const Body*>(state))(first, last); },
      &body);
}

/// Rows of that many columns, in parts that are worth a thread.
template <typename Body>
void parallel_rows(std::int64_t rows, std::int64_t columns, const Body& body) {
  parallel_ranges(rows, kElementsPerThread / (columns + 1) + 1, body);
}

}  // namespace ditto::kernels
