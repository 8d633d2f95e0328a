// The excerpts in caches/README.md are the code as it stands.

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "test_paths.h"

namespace ditto::test {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Readme, ShowsTheCodeAsItStands) {
  const std::filesystem::path repository = model_path("..");
  const std::string readme = read_file(repository / "caches/README.md");
  const std::string opening = "```cpp\n// ", closing = "```";
  int excerpts = 0;
  for (std::size_t at = readme.find(opening); at != std::string::npos; at = readme.find(opening, at + 1)) {
    const std::size_t name = at + opening.size();
    const std::size_t code = readme.find('\n', name) + 1;
    const std::string file = readme.substr(name, code - 1 - name);
    const std::string excerpt = readme.substr(code, readme.find(closing, code) - code);
    EXPECT_NE(read_file(repository / file).find(excerpt), std::string::npos) << file << " does not hold\n" << excerpt;
    ++excerpts;
  }
  EXPECT_EQ(excerpts, 3);
}

}  // namespace
}  // namespace ditto::test
