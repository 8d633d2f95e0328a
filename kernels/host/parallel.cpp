// Built with OpenMP: LibTorch's loops over threads are serial in files that are not.

#include "kernels/host/parallel.h"

#include <ATen/Parallel.h>

namespace ditto::kernels {

void parallel_ranges(std::int64_t count, std::int64_t grain,
                     void (*body)(const void* state, std::int64_t first, std::int64_t last), const void* state) {
  if (count <= grain) {
    if (count > 0) body(state, 0, count);
    return;
  }
  at::parallel_for(0, count, grain, [&](std::int64_t first, std::int64_t last) { body(state, first, last); });
}

}  // namespace ditto::kernels
