#include "io/weights.h"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>

#include <ATen/ops/zeros.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/confined_path.h"
#include "io/json_file.h"
#include "io/non_finite.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kListedProblems = 10;
constexpr std::size_t kMaxShards = 512;
constexpr std::uint64_t kStandInBytes = 64u << 20;
constexpr std::array<std::string_view, 2> kStems{"diffusion_pytorch_model", "model"};
constexpr std::array<std::string_view, 9> kForeignExtensions{".bin",  ".pt",      ".pth", ".ckpt", ".pkl",
                                                             ".gguf", ".msgpack", ".h5",  ".onnx"};

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}", printable(path.native(), 4096), problem));
}

/// The one single file or index of the folder.
fs::path find_weights(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const std::string_view stem : kStems) {
    for (const std::string_view ending : {".safetensors", ".safetensors.index.json"}) {
      const fs::path path = folder / fmt::format("{}{}", stem, ending);
      std::error_code ignored;
      if (fs::exists(fs::symlink_status(path, ignored))) found.push_back(path);
    }
  }
  if (found.size() == 1) return found.front();
  constexpr std::string_view kAccepted =
      "accepted: diffusion_pytorch_model.safetensors or model.safetensors, or one of them with .index.json and its "
      "shards";
  if (found.size() > 1) {
    fail(folder, fmt::format("holds both {} and {}; {}", found[0].filename().native(), found[1].filename().native(),
                             kAccepted));
  }
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    const fs::path& path = entry.path();
    if (std::ranges::find(kForeignExtensions, path.extension().native()) != kForeignExtensions.end()) {
      fail(folder,
           fmt::format("holds no safetensors weights, only '{}', which is never opened (a pickle could run code); {}",
                       printable(path.filename().native()), kAccepted));
    }
  }
  if (problem) fail(folder, fmt::format("cannot be read: {}; {}", problem.message(), kAccepted));
  fail(folder, fmt::format("holds no weights; {}", kAccepted));
}

std::string list_problems(const std::vector<std::string>& problems) {
  const std::size_t shown = std::min(problems.size(), kListedProblems);
  std::string text =
      fmt::format("{}", fmt::join(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (problems.size() > shown) text += fmt::format(" and {} more", problems.size() - shown);
  return text;
}

[[noreturn]] void fail_fit(const fs::path& path, const std::vector<std::string>& problems) {
  fail(path, fmt::format("weights do not fit the model: {}; accepted: the weights that belong to its config.json",
                         list_problems(problems)));
}

}  // namespace

WeightSet::WeightSet(const fs::path& path) : path_(path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    add_file(path);
    return;
  }
  const fs::path found = find_weights(path);
  if (found.extension() == ".json") {
    open_index(found, path);
  } else {
    add_file(confined_path(path, found.filename().native(), path));
  }
}

void WeightSet::add_file(const fs::path& file) {
  files_.emplace_back(file);
  const std::size_t index = files_.size() - 1;
  for (const TensorInfo& info : files_.back().tensors()) {
    const auto [place, fresh] = entries_.try_emplace(info.name, Entry{index, &info});
    if (!fresh) {
      fail(path_, fmt::format("tensor '{}' is in both '{}' and '{}'; accepted: once", printable(info.name),
                              printable(files_[place->second.file].path().filename().native()),
                              printable(file.filename().native())));
    }
    bytes_ += info.end - info.begin;
  }
}

void WeightSet::open_index(const fs::path& index, const fs::path& folder) {
  const nlohmann::json document = read_json_file(index);
  JsonReader root(document, index.native());
  const nlohmann::json& weight_map = root.value("weight_map");
  JsonReader names(weight_map, index.native(), "weight_map");
  if (weight_map.empty()) root.fail("weight_map", "is empty", "tensor names with their files");

  std::map<std::string, std::size_t> file_of_shard;
  for (const auto& item : weight_map.items()) file_of_shard.emplace(names.text(item.key()), 0);
  if (file_of_shard.size() > kMaxShards) {
    root.fail("weight_map", fmt::format("names {} files", file_of_shard.size()), fmt::format("up to {}", kMaxShards));
  }
  files_.reserve(file_of_shard.size());
  for (auto& [shard, file] : file_of_shard) {
    const fs::path real = confined_path(folder, shard, index);
    if (fs::path(shard).extension() != ".safetensors") {
      root.fail("weight_map", fmt::format("names '{}'", printable(shard)), "files that end in .safetensors");
    }
    file = files_.size();
    add_file(real);
  }
  for (const auto& item : weight_map.items()) {
    const auto& shard = item.value().get_ref<const std::string&>();
    const auto found = entries_.find(item.key());
    if (found == entries_.end() || found->second.file != file_of_shard.at(shard)) {
      fail(index, fmt::format("tensor '{}' is not in '{}', where weight_map has it; accepted: an index of these shards",
                              printable(item.key()), printable(shard)));
    }
  }
}

bool WeightSet::has(std::string_view name) const { return entries_.contains(name); }

const TensorInfo* WeightSet::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.info;
}

std::vector<std::string> WeightSet::names() const {
  std::vector<std::string> result;
  result.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) result.push_back(name);
  return result;
}

at::Tensor WeightSet::take(std::string_view name, at::IntArrayRef shape) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return stand_in(fmt::format("'{}' {} is missing", printable(name), shape.vec()), shape);
  Entry& entry = found->second;
  entry.used = true;
  if (!std::ranges::equal(entry.info->shape, shape)) {
    return stand_in(fmt::format("'{}' has shape {}, not {}", printable(name), entry.info->shape, shape.vec()), shape);
  }
  at::Tensor tensor = files_[entry.file].tensor(name);
  if (!first_non_finite_ && has_non_finite(tensor)) first_non_finite_ = name;
  return tensor;
}

at::Tensor WeightSet::take(std::string_view name, at::IntArrayRef shape, at::ScalarType dtype) {
  const at::Tensor stored = take(name, shape);
  if (stored.scalar_type() == dtype) return stored;
  at::Tensor converted = stored.to(dtype);
  release(name);
  return converted;
}

void WeightSet::release(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) files_[found->second.file].release(name);
}

at::Tensor WeightSet::stand_in(std::string problem, at::IntArrayRef shape) {
  problems_.push_back(std::move(problem));
  // Stand-ins cost nothing until they are converted or copied. A config that asks for far more than the files hold has
  // to fail here rather than by running out of memory.
  std::uint64_t bytes = sizeof(float);
  bool overflow = false;
  for (const std::int64_t size : shape) {
    overflow |= size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes);
  }
  overflow |= __builtin_add_overflow(stand_in_bytes_, bytes, &stand_in_bytes_);
  if (overflow || stand_in_bytes_ > std::max(2 * bytes_, kStandInBytes)) fail_fit(path_, problems_);
  return at::zeros({}).expand(shape);
}

void WeightSet::finish(const std::function<bool(std::string_view)>& ignore) const {
  std::vector<std::string> problems = problems_;
  for (const auto& [name, entry] : entries_) {
    if (entry.used || (ignore && ignore(name))) continue;
    problems.push_back(fmt::format("'{}' {} is not part of the model", printable(name), entry.info->shape));
  }
  if (!problems.empty()) fail_fit(path_, problems);
}

}  // namespace ditto
