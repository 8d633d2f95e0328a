#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct AVSHA;

namespace ditto {

/// SHA-256 over data that arrive in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(const void* data, std::size_t bytes);
  void update(std::string_view text) { update(text.data(), text.size()); }
  /// The digest as 64 lower-case hex digits; ends the computation.
  std::string hex();

 private:
  struct Free {
    void operator()(AVSHA* context) const;
  };
  std::unique_ptr<AVSHA, Free> context_;
};

/// The digest of bytes in memory.
std::string sha256(std::string_view bytes);

/// The digest of a regular file, read in pieces; throws `Error(kBadInputFile)` when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace ditto
