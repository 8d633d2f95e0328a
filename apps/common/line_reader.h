#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ditto {

/// Lines of a text file or pipe, read one by one, so that their number costs neither memory nor time at the start. A
/// byte order mark at the start is dropped; carriage returns are the caller's.
class LineReader {
 public:
  /// Throws Error(kBadInputFile) for what is neither a readable file nor a pipe that somebody writes to.
  LineReader(const std::filesystem::path& path, std::stop_token stop);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  struct Line {
    std::string text;
    bool too_long = false;  ///< beyond kMaxLineBytes: cut there
  };
  /// None at the end, and when a stop was requested while a pipe had nothing to read.
  std::optional<Line> next();
  std::int64_t number() const { return number_; }  ///< of the latest line, from 1
  bool stopped() const { return stopped_; }

  static constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20;

 private:
  void require_writer();
  std::optional<char> next_byte();
  void fill();
  [[noreturn]] void fail(const std::string& problem) const;

  std::filesystem::path path_;
  std::stop_token stop_;
  int descriptor_ = -1;
  std::vector<char> buffer_;
  std::size_t position_ = 0;
  std::int64_t number_ = 0;
  bool stopped_ = false;
};

}  // namespace ditto
