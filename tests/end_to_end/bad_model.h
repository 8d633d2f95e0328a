#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "end_to_end/scratch.h"

namespace ditto::test {

inline constexpr const char* kTransformerFile = "transformer/diffusion_pytorch_model.safetensors";
inline constexpr const char* kTextEncoderFile = "text_encoder/model.safetensors";

/// A safetensors file of this header and data.
inline std::string safetensors(std::string_view header, std::string_view data = {}) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(header).append(data);
}

/// The start of a safetensors file that gives its header this length.
inline std::string header_length(std::uint64_t length) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + "{}";
}

/// A file of the one tensor "a".
inline std::string one_tensor(std::string_view dtype, std::string_view shape, std::string_view offsets,
                              std::size_t data_bytes) {
  const std::string header = std::string(R"({"a":{"dtype":")")
                                 .append(dtype)
                                 .append(R"(","shape":)")
                                 .append(shape)
                                 .append(R"(,"data_offsets":)")
                                 .append(offsets)
                                 .append("}}");
  return safetensors(header, std::string(data_bytes, '\x11'));
}

/// A copy of the small Wan model of the test data, as folder/model.
inline fs::path small_model(const fs::path& folder) {
  const fs::path model = folder / "model";
  fs::copy(data_path("wan/tiny-pipeline"), model, fs::copy_options::recursive);
  fs::remove(model / "runs.safetensors");
  return model;
}

inline Arguments generate(const fs::path& model) {
  return {"-m", model.string(), "-p", "x", "--size", "32x32", "--frames", "5", "--steps", "2", "-o", "clip.mp4"};
}

/// Generates with a copy of the small model in which one file has other bytes.
inline Arguments generate_with(const fs::path& folder, const std::string& file, std::string_view bytes) {
  const fs::path model = small_model(folder);
  write_file(model / file, bytes);
  return generate(model);
}

/// Header and data of a safetensors file.
struct Tensors {
  nlohmann::ordered_json header;
  std::string data;

  static Tensors read(const fs::path& path) {
    const std::string bytes = read_file(path);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    return {nlohmann::ordered_json::parse(bytes.substr(sizeof length, length)), bytes.substr(sizeof length + length)};
  }
  std::string bytes() const { return safetensors(header.dump(), data); }
};

/// Generates with a copy of the small model in which one safetensors file was edited.
inline Arguments generate_edited(const fs::path& folder, const std::string& file,
                                 const std::function<void(Tensors&)>& edit) {
  const fs::path model = small_model(folder);
  Tensors tensors = Tensors::read(model / file);
  edit(tensors);
  write_file(model / file, tensors.bytes());
  return generate(model);
}

}  // namespace ditto::test
