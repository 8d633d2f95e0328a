#pragma once

#include <filesystem>
#include <string_view>

namespace ditto::test {

/// Path of a committed test file, relative to tests/data.
std::filesystem::path data_path(std::string_view name);

/// Path of a model folder in the repository's models/.
std::filesystem::path model_path(std::string_view name);

/// Path of a built program, for end-to-end tests.
std::filesystem::path program_path(std::string_view name);

}  // namespace ditto::test
