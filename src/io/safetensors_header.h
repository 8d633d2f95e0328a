#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace ditto {

/// The safetensors format allows headers up to this size.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

/// A dtype of the format: its name, the matching ATen type and the bytes of an element.
struct SafetensorsDtype {
  std::string_view name;
  at::ScalarType type;
  std::uint64_t bytes;
};

/// The entry of a dtype, or nullptr when the format has no name for it.
const SafetensorsDtype* find_safetensors_dtype(at::ScalarType type);

/// What the JSON header of a file says, checked.
struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;     // in the order of their data
  std::vector<std::uint32_t> by_name;  // indices into tensors, sorted by name
  std::map<std::string, std::string> metadata;
};

/// Parses and checks the header of a file with `data_bytes` bytes after it: unique names, known dtypes, spans that
/// equal shape times dtype and tile the data without gap or overlap. Throws `Error(kBadInputFile)` beginning with
/// `source`. Memory stays below a small multiple of the header's size, whatever it holds.
SafetensorsHeader parse_safetensors_header(std::string_view header, std::uint64_t data_bytes,
                                           const std::string& source);

}  // namespace ditto
