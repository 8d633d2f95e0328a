#include "models/wan/patches.h"

#include <c10/util/Exception.h>

namespace ditto {

std::array<std::int64_t, 3> token_grid(const WanTransformerConfig& config, at::IntArrayRef latent_sizes) {
  TORCH_CHECK(latent_sizes.size() == 5 && latent_sizes[1] == config.in_channels, "Wan: latent of sizes ", latent_sizes);
  std::array<std::int64_t, 3> grid{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t size = latent_sizes[axis + 2], patch = config.patch_size[axis];
    TORCH_CHECK(size % patch == 0 && size / patch <= config.rope_max_seq_len, "Wan: latent of sizes ", latent_sizes);
    grid[axis] = size / patch;
  }
  return grid;
}

at::Tensor to_patches(const WanTransformerConfig& config, const at::Tensor& latent) {
  const std::array<std::int64_t, 3> grid = token_grid(config, latent.sizes());
  const auto& patch = config.patch_size;
  const std::int64_t rows = latent.size(0), channels = latent.size(1);
  return latent.reshape({rows, channels, grid[0], patch[0], grid[1], patch[1], grid[2], patch[2]})
      .permute({0, 2, 4, 6, 1, 3, 5, 7})
      .reshape({rows, grid[0] * grid[1] * grid[2], channels * config.patch_elements()});
}

at::Tensor from_patches(const WanTransformerConfig& config, const at::Tensor& tokens,
                        const std::array<std::int64_t, 3>& grid) {
  const auto& patch = config.patch_size;
  const std::int64_t rows = tokens.size(0), channels = config.out_channels;
  return tokens.reshape({rows, grid[0], grid[1], grid[2], patch[0], patch[1], patch[2], channels})
      .permute({0, 7, 1, 4, 2, 5, 3, 6})
      .reshape({rows, channels, grid[0] * patch[0], grid[1] * patch[1], grid[2] * patch[2]});
}

}  // namespace ditto
