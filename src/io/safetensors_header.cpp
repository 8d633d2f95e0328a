#include "io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/json_events.h"

namespace ditto {
namespace {

constexpr std::size_t kMaxTensors = 1u << 18;
constexpr std::size_t kMaxMetadataEntries = 1u << 16;
constexpr std::size_t kMaxRank = 16;
constexpr std::uint64_t kMaxValues = 8'000'000;

constexpr std::array kDtypes{
    SafetensorsDtype{"F64", at::kDouble, 8},
    SafetensorsDtype{"F32", at::kFloat, 4},
    SafetensorsDtype{"F16", at::kHalf, 2},
    SafetensorsDtype{"BF16", at::kBFloat16, 2},
    SafetensorsDtype{"I64", at::kLong, 8},
    SafetensorsDtype{"I32", at::kInt, 4},
    SafetensorsDtype{"I16", at::kShort, 2},
    SafetensorsDtype{"I8", at::kChar, 1},
    SafetensorsDtype{"U64", at::kUInt64, 8},
    SafetensorsDtype{"U32", at::kUInt32, 4},
    SafetensorsDtype{"U16", at::kUInt16, 2},
    SafetensorsDtype{"U8", at::kByte, 1},
    SafetensorsDtype{"BOOL", at::kBool, 1},
    SafetensorsDtype{"F8_E4M3", at::kFloat8_e4m3fn, 1},
    SafetensorsDtype{"F8_E5M2", at::kFloat8_e5m2, 1},
    SafetensorsDtype{"C64", at::kComplexFloat, 8},
};

const SafetensorsDtype* dtype_named(std::string_view name) {
  const auto* found = std::ranges::find(kDtypes, name, &SafetensorsDtype::name);
  return found == kDtypes.end() ? nullptr : found;
}

std::string dtype_names() {
  std::vector<std::string_view> names;
  for (const SafetensorsDtype& dtype : kDtypes) names.push_back(dtype.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool multiply(std::uint64_t& product, std::uint64_t factor) {
  return !__builtin_mul_overflow(product, factor, &product) && product <= std::uint64_t(INT64_MAX);
}

/// Collects tensors and metadata straight from the parser's events: a document tree would take ten times the memory.
class HeaderReader : public JsonEvents {
 public:
  HeaderReader(std::string_view header, const std::string& source)
      : JsonEvents(header, source, {kMaxHeaderBytes, 3, kMaxValues}) {}

  SafetensorsHeader take() { return std::move(header_); }

 private:
  enum class Field { kDtype, kShape, kOffsets };

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { unexpected("a number that is no 64-bit integer"); }

  bool number_unsigned(number_unsigned_t value) override {
    count_value();
    if (depth() != 3) unexpected("a number");
    if (field_ == Field::kShape) {
      if (value > std::uint64_t(INT64_MAX)) fail_tensor("a dimension beyond 2^63; accepted: sizes that fit the file");
      if (tensor_.shape.size() == kMaxRank) {
        fail_tensor(fmt::format("more than {0} dimensions; accepted: up to {0}", kMaxRank));
      }
      tensor_.shape.push_back(static_cast<std::int64_t>(value));
    } else {
      if (offset_count_ == 2) fail_tensor("more than two data_offsets; accepted: [begin, end]");
      (offset_count_++ == 0 ? tensor_.begin : tensor_.end) = value;
    }
    return true;
  }

  bool string(string_t& value) override {
    count_value();
    if (depth() == 2 && in_metadata_) {
      if (header_.metadata.size() == kMaxMetadataEntries) {
        fail(fmt::format("more than {0} metadata entries; accepted: up to {0}", kMaxMetadataEntries));
      }
      const bool fresh = header_.metadata.try_emplace(std::move(metadata_key_), std::move(value)).second;
      if (!fresh) fail("a __metadata__ key occurs twice; accepted: once");
      return true;
    }
    if (depth() != 2 || field_ != Field::kDtype) unexpected("a text");
    const SafetensorsDtype* dtype = dtype_named(value);
    if (!dtype) {
      fail_tensor(fmt::format("dtype '{}' is not supported; accepted: {}", printable(value, 40), dtype_names()));
    }
    tensor_.dtype = dtype->type;
    dtype_bytes_ = dtype->bytes;
    return true;
  }

  bool key(string_t& name) override {
    if (depth() == 1) {
      in_metadata_ = name == "__metadata__";
      if (in_metadata_ && std::exchange(metadata_seen_, true)) fail("__metadata__ occurs twice; accepted: once");
      tensor_ = {};
      tensor_.name = std::move(name);
      offset_count_ = 0;
      seen_ = {};
    } else if (in_metadata_) {
      metadata_key_ = std::move(name);
    } else {
      field_ = field_named(name);
      if (std::exchange(seen_[static_cast<std::size_t>(field_)], true)) {
        fail_tensor(fmt::format("{} occurs twice; accepted: once", name));
      }
    }
    return true;
  }

  Field field_named(const std::string& name) const {
    if (name == "dtype") return Field::kDtype;
    if (name == "shape") return Field::kShape;
    if (name == "data_offsets") return Field::kOffsets;
    fail_tensor(fmt::format("key '{}'; accepted: dtype, shape, data_offsets", printable(name, 40)));
  }

  bool start_object(std::size_t) override {
    if (depth() >= 2) unexpected("an object");
    enter();
    return true;
  }

  bool end_object() override {
    leave();
    if (depth() == 1 && !in_metadata_) add_tensor();
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth() != 2 || in_metadata_ || field_ == Field::kDtype) unexpected("an array");
    enter();
    return true;
  }

  bool end_array() override {
    leave();
    if (field_ == Field::kOffsets && offset_count_ != 2)
      fail_tensor("data_offsets is too short; accepted: [begin, end]");
    return true;
  }

  void add_tensor() {
    if (!seen_[0] || !seen_[1] || !seen_[2])
      fail_tensor("an entry is incomplete; accepted: dtype, shape and data_offsets");
    if (header_.tensors.size() == kMaxTensors)
      fail(fmt::format("more than {0} tensors; accepted: up to {0}", kMaxTensors));
    // A zero dimension counts as one here: the strides of an empty tensor must not overflow either.
    std::uint64_t room = dtype_bytes_;
    std::uint64_t bytes = dtype_bytes_;
    for (const std::int64_t size : tensor_.shape) {
      const auto factor = static_cast<std::uint64_t>(size);
      if (!multiply(room, std::max<std::uint64_t>(factor, 1))) {
        fail_tensor(fmt::format("shape {} overflows; accepted: sizes that fit the file", tensor_.shape));
      }
      bytes *= factor;
    }
    if (tensor_.end < tensor_.begin) {
      fail_tensor(
          fmt::format("data_offsets [{}, {}] are reversed; accepted: [begin, end]", tensor_.begin, tensor_.end));
    }
    if (tensor_.end - tensor_.begin != bytes) {
      fail_tensor(fmt::format("data_offsets [{}, {}] span {} bytes; shape {} and dtype need {}", tensor_.begin,
                              tensor_.end, tensor_.end - tensor_.begin, tensor_.shape, bytes));
    }
    header_.tensors.push_back(std::move(tensor_));
  }

  [[noreturn]] void unexpected(std::string_view what) const {
    if (depth() == 0) fail(fmt::format("the header is {}; accepted: an object of tensors", what));
    if (in_metadata_) fail(fmt::format("__metadata__ holds {}; accepted: an object of texts", what));
    fail_tensor(
        fmt::format("{} in a wrong place; accepted: {{\"dtype\": text, \"shape\": [integers from 0], "
                    "\"data_offsets\": [begin, end]}}",
                    what));
  }

  [[noreturn]] void fail_tensor(std::string_view problem) const {
    fail(fmt::format("tensor '{}': {}", printable(tensor_.name), problem));
  }

  SafetensorsHeader header_;
  TensorInfo tensor_{};
  std::uint64_t dtype_bytes_ = 0;
  Field field_ = Field::kDtype;
  std::array<bool, 3> seen_{};
  int offset_count_ = 0;
  bool in_metadata_ = false;
  bool metadata_seen_ = false;
  std::string metadata_key_;
};

[[noreturn]] void fail_layout(const std::string& source, const std::string& problem) {
  throw Error(ExitCode::kBadInputFile, printable(source, 4096) + ": " + problem);
}

/// The spans must cover the data exactly once, which also bounds what all tensors together can occupy.
void check_tiling(const std::vector<TensorInfo>& tensors, std::uint64_t data_bytes, const std::string& source) {
  std::uint64_t covered = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.begin != covered) {
      fail_layout(source,
                  fmt::format("tensor '{}': data begin at byte {}, the tensors before it end at {}; accepted: spans "
                              "without gap or overlap",
                              printable(tensor.name), tensor.begin, covered));
    }
    covered = tensor.end;
  }
  if (covered > data_bytes) {
    fail_layout(
        source,
        fmt::format("the file is too short: its tensors need {} bytes of data, it holds {}; accepted: the whole "
                    "file (an incomplete download?)",
                    covered, data_bytes));
  }
  if (covered < data_bytes) {
    fail_layout(source, fmt::format("{} bytes follow the last tensor; accepted: none", data_bytes - covered));
  }
}

}  // namespace

const SafetensorsDtype* find_safetensors_dtype(at::ScalarType type) {
  const auto* found = std::ranges::find(kDtypes, type, &SafetensorsDtype::type);
  return found == kDtypes.end() ? nullptr : found;
}

SafetensorsHeader parse_safetensors_header(std::string_view header, std::uint64_t data_bytes,
                                           const std::string& source) {
  HeaderReader reader(header, source + ": header");
  reader.read();
  SafetensorsHeader result = reader.take();
  auto& tensors = result.tensors;
  std::ranges::stable_sort(tensors, {}, [](const TensorInfo& tensor) { return std::pair(tensor.begin, tensor.end); });

  result.by_name.resize(tensors.size());
  std::iota(result.by_name.begin(), result.by_name.end(), 0u);
  const auto name_of = [&](std::uint32_t i) -> const std::string& { return tensors[i].name; };
  std::ranges::sort(result.by_name, {}, name_of);
  const auto twice = std::ranges::adjacent_find(result.by_name, {}, name_of);
  if (twice != result.by_name.end()) {
    fail_layout(source, fmt::format("tensor '{}' occurs twice; accepted: once", printable(name_of(*twice))));
  }
  check_tiling(tensors, data_bytes, source);
  return result;
}

}  // namespace ditto
