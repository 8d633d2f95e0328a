#include "fuzz_targets.h"

#include <stdexcept>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "io/json_file.h"
#include "io/non_finite.h"
#include "io/safetensors.h"

namespace ditto::test {
namespace {

std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A file that lives in memory and has a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || ::write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      throw std::runtime_error("the input could not be stored");
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

void require_one_line(const Error& error) {
  const std::string_view message = error.what();
  if (message.empty() || message.size() > 4000 || message.find_first_of("\n\r") != message.npos) {
    throw std::logic_error("an error message is not one short line");
  }
}

}  // namespace

int fuzz_safetensors(const std::uint8_t* data, std::size_t size) {
  const MemoryFile memory(view(data, size));
  try {
    const SafetensorsFile file(memory.path());
    for (const std::string& name : file.names()) {
      const at::Tensor tensor = file.tensor(name);
      const TensorInfo* info = file.find(name);
      if (!info || tensor.nbytes() != info->end - info->begin) throw std::logic_error("a tensor has the wrong size");
      has_non_finite(tensor);
      file.release(name);
    }
  } catch (const Error& error) {
    require_one_line(error);
  }
  return 0;
}

int fuzz_json(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = view(data, size);
  try {
    const nlohmann::json document = parse_json(text, "fuzz.json");
    // What was accepted survives a round trip, so nothing was dropped or changed.
    if (parse_json(document.dump(), "again.json") != document) throw std::logic_error("a document changed");
    JsonReader reader(document, "fuzz.json");
    for (const auto& item : document.items()) reader.integer(item.key(), {.min = 0}, 0);
  } catch (const Error& error) {
    require_one_line(error);
  }
  return 0;
}

}  // namespace ditto::test
