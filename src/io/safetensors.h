#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// One tensor of a safetensors file; `begin` and `end` are byte offsets into the data that follows the header.
struct TensorInfo {
  std::string name;
  at::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

/// A safetensors file mapped read-only. The whole header is checked on opening (sizes, UTF-8, names, offsets that tile
/// the data, spans that equal shape times dtype), so a tensor handed out is always inside the file. Copies share the
/// mapping, which lives as long as any file object or tensor of it.
class SafetensorsFile {
 public:
  /// Throws `Error(kBadInputFile)`, one line naming file and cause; a GGUF, ONNX, pickle or zip file is recognised and
  /// named, its contents are never interpreted.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const;
  /// All tensors in the order of their data.
  const std::vector<TensorInfo>& tensors() const;
  /// The names, in the same order.
  std::vector<std::string> names() const;
  /// The tensor's entry, or nullptr.
  const TensorInfo* find(std::string_view name) const;
  /// The `__metadata__` strings.
  const std::map<std::string, std::string>& metadata() const;

  /// A CPU tensor over the mapped bytes (a copy when they are misaligned for the dtype). It must not be written in
  /// place: the pages are read-only. Throws when there is no such tensor or when the file shrank or changed since it
  /// was opened.
  at::Tensor tensor(std::string_view name) const;
  /// Lets the system drop the tensor's pages from memory; a view of it stays valid and reads them again when used.
  void release(std::string_view name) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// Writes tensors (any device; made contiguous) with string metadata to `path`, replacing it atomically: an interrupted
/// or failed call leaves no partial file. Data are sorted by dtype size, then name; the header is padded to 8 bytes.
/// Throws `Error(kOutputFailed)` when the file cannot be written, a name occurs twice or a dtype has no safetensors
/// name.
void save_safetensors(const std::filesystem::path& path, const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace ditto
