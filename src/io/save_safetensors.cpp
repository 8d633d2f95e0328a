#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "io/safetensors_header.h"

namespace ditto {
namespace {

constexpr std::size_t kHeaderAlignment = 8;

using NamedTensor = std::pair<std::string, at::Tensor>;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ExitCode::kOutputFailed, fmt::format("{}: {}", printable(path.native(), 4096), problem));
}

/// Pointers to the tensors in file order: wide dtypes first, which keeps every tensor aligned.
std::vector<const NamedTensor*> sorted(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& item : tensors) {
    const auto& [name, tensor] = item;
    if (name == "__metadata__") fail(path, "tensor name '__metadata__' is reserved; accepted: another name");
    if (!tensor.defined())
      fail(path, fmt::format("tensor '{}' is undefined; accepted: a tensor with data", printable(name)));
    if (!find_safetensors_dtype(tensor.scalar_type())) {
      fail(path, fmt::format("tensor '{}': safetensors has no dtype {}; accepted: a dtype it has", printable(name),
                             c10::toString(tensor.scalar_type())));
    }
    order.push_back(&item);
  }
  std::ranges::sort(order, {}, [](const NamedTensor* item) {
    return std::tuple(-static_cast<std::int64_t>(item->second.element_size()), std::string_view(item->first));
  });
  const auto name_of = [](const NamedTensor* item) { return std::string_view(item->first); };
  auto by_name = order;
  std::ranges::sort(by_name, {}, name_of);
  const auto twice = std::ranges::adjacent_find(by_name, {}, name_of);
  if (twice != by_name.end())
    fail(path, fmt::format("tensor name '{}' occurs twice; accepted: once", printable((*twice)->first)));
  return order;
}

std::string make_header(const std::vector<const NamedTensor*>& order,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor* item : order) {
    const auto& [name, tensor] = *item;
    const std::uint64_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", find_safetensors_dtype(tensor.scalar_type())->name},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return text;
}

}  // namespace

void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  const auto order = sorted(path, tensors);
  std::string header;
  try {
    header = make_header(order, metadata);
  } catch (const nlohmann::json::type_error&) {
    fail(path, "a tensor name or metadata text is not UTF-8; accepted: UTF-8");
  }
  AtomicFile file(path);
  const std::uint64_t header_bytes = header.size();
  file.write(&header_bytes, sizeof(header_bytes));
  file.write(header);
  for (const NamedTensor* item : order) {
    const at::Tensor data = item->second.detach().to(at::kCPU).contiguous();
    file.write(data.const_data_ptr(), data.nbytes());
  }
  file.commit();
}

}  // namespace ditto
