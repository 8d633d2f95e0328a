#pragma once

#include <filesystem>
#include <vector>

namespace ditto {

/// Throws Error(kUsage) for an output that is one of the inputs of the same run, or lies in one that is a folder.
void refuse_input_as_output(const std::filesystem::path& output, const std::vector<std::filesystem::path>& inputs);

}  // namespace ditto
