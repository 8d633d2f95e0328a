#include "io/frame_hash.h"

#include <c10/util/Exception.h>

#include "io/sha256.h"

namespace ditto {

std::string frame_hash(const at::Tensor& frames) {
  TORCH_CHECK(frames.defined() && frames.device().is_cpu() && frames.scalar_type() == at::kByte && frames.dim() == 4 &&
                  frames.size(3) == 3,
              "frame_hash: expected uint8 frames [T,H,W,3] on the CPU");
  const at::Tensor packed = frames.contiguous();
  Sha256 digest;
  digest.update(packed.const_data_ptr(), packed.nbytes());
  return digest.hex();
}

}  // namespace ditto
