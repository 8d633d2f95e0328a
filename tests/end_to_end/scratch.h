#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "end_to_end/program.h"
#include "test_paths.h"

namespace ditto::test {

namespace fs = std::filesystem;

/// A folder of its own for one test, removed with everything in it.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "ditto-run-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Scratch() {
    // A folder whose permissions a test took away is given them back.
    std::error_code ignored;
    for (auto entry = fs::recursive_directory_iterator(path_, ignored); entry != fs::recursive_directory_iterator();) {
      if (!entry->is_symlink(ignored) && entry->is_directory(ignored))
        fs::permissions(*entry, fs::perms::owner_all, ignored);
      entry.increment(ignored);
    }
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const fs::path& path() const { return path_; }
  fs::path operator/(std::string_view name) const { return path_ / name; }
  RunOptions here() const { return {.folder = path_}; }

  /// Everything below the folder, hidden names included, relative to it.
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(path_)) {
      found.insert(entry.path().lexically_relative(path_).string());
    }
    return found;
  }

 private:
  fs::path path_;
};

inline fs::path write_file(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(file.flush().good()) << path;
  return path;
}

inline std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A request of 20 ms on the shipped model.
inline Arguments tiny() { return {"-p", "a red circle", "--size", "64x64", "--frames", "5", "--steps", "2"}; }

inline testing::AssertionResult contains(const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << text << "' does not contain '" << part << "'";
}

/// One line on stderr and nothing else: "<program>: error: <file or option>: <what is wrong>; <what is accepted>".
inline testing::AssertionResult is_one_error_line(const std::string& err, const std::string& program = "dit-gen") {
  const std::vector<std::string> lines = lines_of(err);
  if (lines.size() != 1) return testing::AssertionFailure() << lines.size() << " lines: " << err;
  const std::string& line = lines.front();
  const std::string start = program + ": error: ";
  if (!line.starts_with(start)) return testing::AssertionFailure() << "not an error line: " << line;
  const std::size_t cause = line.find(": ", start.size());
  const std::size_t accepted = line.find("; ", start.size());
  const bool complete = cause != line.npos && accepted != line.npos && cause < accepted && accepted + 2 < line.size();
  if (!complete) return testing::AssertionFailure() << "no '<where>: <what>; <accepted>': " << line;
  if (line.size() > 2100) return testing::AssertionFailure() << "a line of " << line.size() << " bytes";
  return testing::AssertionSuccess();
}

/// The frame hash of the only clip a run with --json made.
inline std::string frame_hash(const Finished& run) {
  const auto done = run.events("done");
  EXPECT_EQ(done.size(), 1u) << run.err;
  return done.empty() ? "" : done.front().at("frame_hash").get<std::string>();
}

}  // namespace ditto::test
