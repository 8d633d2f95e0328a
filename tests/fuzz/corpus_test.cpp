// The fuzzing corpora as plain tests: every file, every beginning of it, and mutations drawn from a fixed seed.
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fuzz_targets.h"
#include "test_paths.h"

namespace ditto::test {
namespace {

constexpr int kMutationsPerFile = 300;

struct Target {
  const char* name;
  int (*run)(const std::uint8_t*, std::size_t);
};

void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

std::vector<std::string> corpus(const std::string& name) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("io/fuzz_" + name))) {
    std::ifstream file(entry.path(), std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return files;
}

/// One to four changes: a flipped bit, a replaced, inserted, removed or repeated piece, or a piece of another file.
std::string mutated(std::string bytes, const std::string& other, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  for (std::size_t change = 0; change <= below(4); ++change) {
    const std::size_t at = below(bytes.size() + 1);
    const std::size_t length = below(9);
    switch (below(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.insert(at, 1, "{}[]\":,0-9eE. \\\x7f"[below(16)]);
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default:
        bytes.insert(at, other.substr(below(other.size() + 1), 4 * length));
    }
  }
  return bytes;
}

class Corpus : public testing::TestWithParam<Target> {
 protected:
  void run(const std::string& bytes) const {
    GetParam().run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
};

TEST_P(Corpus, EveryFileParsesOrIsRefused) {
  const auto files = corpus(GetParam().name);
  ASSERT_GE(files.size(), 10u);
  for (const std::string& file : files) EXPECT_NO_THROW(run(file)) << file.substr(0, 200);
}

TEST_P(Corpus, EveryBeginningOfAFileParsesOrIsRefused) {
  for (const std::string& file : corpus(GetParam().name)) {
    for (std::size_t size = 0; size < std::min<std::size_t>(file.size(), 400); ++size) {
      EXPECT_NO_THROW(run(file.substr(0, size))) << file.substr(0, size);
    }
  }
}

TEST_P(Corpus, MutatedFilesParseOrAreRefused) {
  const auto files = corpus(GetParam().name);
  std::mt19937 random(20250101);
  for (const std::string& file : files) {
    for (int i = 0; i < kMutationsPerFile; ++i) {
      const std::string bytes = mutated(file, files[random() % files.size()], random);
      EXPECT_NO_THROW(run(bytes)) << testing::PrintToString(bytes);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Io, Corpus,
                         testing::Values(Target{"safetensors", fuzz_safetensors}, Target{"json", fuzz_json}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ditto::test
