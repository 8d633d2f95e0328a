#pragma once

#include <string_view>

namespace ditto {

/// What a file that begins with `bytes` (16 are enough) looks like, for a message: "a GGUF file", "a pickle", ...;
/// empty when it is nothing known. Looks at magic numbers alone.
std::string_view recognise_format(std::string_view bytes);

}  // namespace ditto
