#pragma once

#include <filesystem>
#include <string_view>

namespace ditto::test {

/// Path of a committed test file, relative to tests/data.
inline std::filesystem::path data_path(std::string_view name) { return std::filesystem::path(DITTO_TEST_DATA) / name; }

/// Path of a model folder in the repository's models/.
inline std::filesystem::path model_path(std::string_view name) { return std::filesystem::path(DITTO_TEST_MODELS) / name; }

/// Path of a built program, for end-to-end tests.
inline std::filesystem::path program_path(std::string_view name) {
  return std::filesystem::path(DITTO_TEST_PROGRAMS) / name;
}

}  // namespace ditto::test
