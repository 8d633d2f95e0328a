#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "io/safetensors.h"

namespace ditto {

/// The weights of one model component: a folder with `diffusion_pytorch_model.safetensors` or `model.safetensors`, or
/// the same stem with `.safetensors.index.json` and its shards, or one safetensors file. A loader takes every tensor it
/// needs by name and shape and then calls `finish`, which reports all problems at once.
class WeightSet {
 public:
  /// Opens and checks every file (milliseconds; no data is read). Throws `Error(kBadInputFile)` for an unsafe or
  /// inconsistent index, a missing shard, or a folder that has pickled weights only.
  explicit WeightSet(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  bool has(std::string_view name) const;
  /// The tensor's dtype, shape and span, or nullptr.
  const TensorInfo* find(std::string_view name) const;
  /// All names, sorted.
  std::vector<std::string> names() const;
  /// Bytes of all tensors together.
  std::uint64_t bytes() const { return bytes_; }

  /// The tensor as it is stored, a read-only view of the file, marked as used. A missing or mis-shaped tensor is
  /// recorded for `finish` and zeros of `shape` stand in for it.
  at::Tensor take(std::string_view name, at::IntArrayRef shape);
  /// The tensor converted to `dtype`; when that makes a copy, the file's pages are released at once, so loading a model
  /// in another dtype never holds it twice.
  at::Tensor take(std::string_view name, at::IntArrayRef shape, at::ScalarType dtype);
  /// Lets the system drop the pages of a tensor that the caller copied elsewhere.
  void release(std::string_view name) const;

  /// Throws `Error(kBadInputFile)` when a taken tensor was missing or mis-shaped, or when a tensor was never taken and
  /// `ignore` (called with its name) does not excuse it. Lists up to ten names and counts the rest.
  void finish(const std::function<bool(std::string_view)>& ignore = {}) const;

  /// Name of the first taken tensor that holds NaN or infinity. Values are looked at in `take`, where a load reads them
  /// anyway; such weights load, and the caller warns once.
  const std::optional<std::string>& first_non_finite() const { return first_non_finite_; }

 private:
  struct Entry {
    std::size_t file;
    const TensorInfo* info;
    bool used = false;
  };

  void add_file(const std::filesystem::path& file);
  void open_index(const std::filesystem::path& index, const std::filesystem::path& folder);
  at::Tensor stand_in(std::string problem, at::IntArrayRef shape);

  std::filesystem::path path_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<std::string> problems_;
  std::optional<std::string> first_non_finite_;
  std::uint64_t bytes_ = 0;
  std::uint64_t stand_in_bytes_ = 0;
};

}  // namespace ditto
