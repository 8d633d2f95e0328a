#pragma once

#include <array>
#include <optional>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace ditto {

/// What a caption of the miniature's vocabulary names and what fixed rules read back from a clip: colour, shape, size,
/// motion and background, each an index into the vocabulary of weights_scripts/miniature/clips.py; -1 where no object
/// is found.
using MiniatureAttributes = std::array<int, 5>;

/// The attributes a prompt names; nothing when it is no caption of that vocabulary.
std::optional<MiniatureAttributes> caption_attributes(std::string_view prompt);

/// The attributes of square frames uint8 [T,H,W,3] of at least 32 pixels a side, by the rules of `classify` in
/// weights_scripts/miniature/clips.py.
MiniatureAttributes read_attributes(const at::Tensor& frames);

}  // namespace ditto
