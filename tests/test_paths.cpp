#include "test_paths.h"

namespace ditto::test {

std::filesystem::path data_path(std::string_view name) { return std::filesystem::path(DITTO_TEST_DATA) / name; }

std::filesystem::path model_path(std::string_view name) { return std::filesystem::path(DITTO_TEST_MODELS) / name; }

std::filesystem::path program_path(std::string_view name) { return std::filesystem::path(DITTO_TEST_PROGRAMS) / name; }

}  // namespace ditto::test
