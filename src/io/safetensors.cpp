#include "io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/file_format.h"
#include "io/input_file.h"
#include "io/safetensors_header.h"

namespace ditto {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are little-endian and are used in place");

constexpr std::uint64_t kLengthBytes = 8;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}", printable(path.native(), 4096), problem));
}

std::string read_header(const InputFile& file) {
  std::string start(16, '\0');
  start.resize(file.read_at(0, start.data(), start.size()));
  const auto refuse = [&](const std::string& problem) {
    const std::string_view known = recognise_format(start);
    if (known.empty()) fail(file.path(), problem + "; accepted: a safetensors file");
    fail(file.path(), fmt::format("is {}; accepted: a safetensors file (nothing in it was interpreted)", known));
  };
  if (start.empty()) refuse("is empty");
  if (start.size() < kLengthBytes) refuse(fmt::format("holds {} bytes, less than a header length", start.size()));
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, start.data(), kLengthBytes);
  if (bytes > kMaxHeaderBytes) refuse(fmt::format("header length {} at byte 0 exceeds {}", bytes, kMaxHeaderBytes));
  if (bytes > file.size() - kLengthBytes) {
    refuse(fmt::format("header length {} at byte 0 exceeds the file of {} bytes", bytes, file.size()));
  }
  if (bytes < 2) refuse(fmt::format("header length {} at byte 0 is too small", bytes));
  if (start[kLengthBytes] != '{') refuse("the header at byte 8 does not begin with '{'");
  std::string header(bytes, '\0');
  if (file.read_at(kLengthBytes, header.data(), bytes) != bytes) file.require_unchanged();
  return header;
}

}  // namespace

struct SafetensorsFile::State {
  explicit State(const std::filesystem::path& path) : file(path) {
    const std::string text = read_header(file);
    data_offset = kLengthBytes + text.size();
    header = parse_safetensors_header(text, file.size() - data_offset, path.native());
    void* address = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (address == MAP_FAILED)
      fail(path, fmt::format("cannot be mapped: {}; accepted: a file on a disk", std::strerror(errno)));
    mapping = static_cast<char*>(address);
  }
  ~State() { ::munmap(mapping, file.size()); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  InputFile file;
  std::uint64_t data_offset = 0;
  SafetensorsHeader header;
  char* mapping = nullptr;
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : state_(std::make_shared<const State>(path)) {}

const std::filesystem::path& SafetensorsFile::path() const { return state_->file.path(); }

const std::vector<TensorInfo>& SafetensorsFile::tensors() const { return state_->header.tensors; }

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> result;
  result.reserve(tensors().size());
  for (const TensorInfo& tensor : tensors()) result.push_back(tensor.name);
  return result;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto& by_name = state_->header.by_name;
  const auto name_of = [&](std::uint32_t i) -> std::string_view { return tensors()[i].name; };
  const auto found = std::ranges::lower_bound(by_name, name, {}, name_of);
  return found == by_name.end() || name_of(*found) != name ? nullptr : &tensors()[*found];
}

const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return state_->header.metadata; }

at::Tensor SafetensorsFile::tensor(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (!info) fail(path(), fmt::format("tensor '{}' is missing; accepted: a file that holds it", printable(name)));
  state_->file.require_unchanged();
  const std::uint64_t bytes = info->end - info->begin;
  if (bytes == 0) return at::empty(info->shape, info->dtype);

  char* data = state_->mapping + state_->data_offset + info->begin;
  if (info->dtype == at::kBool) {
    // Any byte but 0 and 1 in a bool is undefined behaviour, so untrusted ones are not viewed but converted.
    const auto holder = state_;
    return at::from_blob(
               data, info->shape, [holder](void*) {}, at::kByte)
        .to(at::kBool);
  }
  const std::uint64_t alignment = find_safetensors_dtype(info->dtype)->bytes;
  if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0) {
    at::Tensor copy = at::empty(info->shape, info->dtype);
    std::memcpy(copy.mutable_data_ptr(), data, bytes);
    return copy;
  }
  const auto holder = state_;
  return at::from_blob(
      data, info->shape, [holder](void*) {}, info->dtype);
}

void SafetensorsFile::release(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (!info || info->begin == info->end) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t begin = (state_->data_offset + info->begin) / page * page;
  const std::uint64_t end = state_->data_offset + info->end;
  ::madvise(state_->mapping + begin, end - begin, MADV_DONTNEED);
}

}  // namespace ditto
