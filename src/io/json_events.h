#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "io/json_file.h"

namespace ditto {

/// Base of the readers of untrusted JSON: turns nlohmann's parser events into bounded reading (depth, number of values)
/// with one-line errors that name the source and the byte. A reader overrides what it accepts and throws through
/// `fail`.
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// The text must outlive the reader.
  JsonEvents(std::string_view text, std::string source, const JsonLimits& limits);

  /// Reads the whole text; throws `Error(kBadInputFile)`.
  void read();

 protected:
  [[noreturn]] void fail(std::string_view problem) const;
  /// To be called for every value and at the start and end of every object and array.
  void count_value();
  void enter();
  void leave() { --depth_; }
  int depth() const { return depth_; }

 private:
  bool binary(binary_t& value) override;
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::json::exception& problem) override;

  std::string_view text_;
  std::string source_;
  JsonLimits limits_;
  const char* position_;
  int depth_ = 0;
  std::uint64_t values_ = 0;
};

}  // namespace ditto
