#include "io/safetensors.h"

#include <cmath>
#include <optional>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "io/io_support.h"

namespace ditto::test {
namespace {

using namespace std::string_literals;

const std::vector<at::ScalarType> kTypes{at::kDouble, at::kFloat,         at::kHalf,        at::kBFloat16,
                                         at::kLong,   at::kInt,           at::kShort,       at::kChar,
                                         at::kUInt64, at::kUInt32,        at::kUInt16,      at::kByte,
                                         at::kBool,   at::kFloat8_e4m3fn, at::kFloat8_e5m2, at::kComplexFloat};

/// The same bytes seen as uint8, which every dtype can be compared as.
at::Tensor bytes_of(const at::Tensor& tensor) {
  const at::Tensor held = tensor.contiguous();
  return at::from_blob(held.mutable_data_ptr(), {static_cast<std::int64_t>(held.nbytes())}, at::kByte).clone();
}

TEST(Safetensors, EveryDtypeAndShapeRoundTrips) {
  const TempFolder folder;
  std::vector<std::pair<std::string, at::Tensor>> saved;
  for (const at::ScalarType type : kTypes) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {1}, {3}, {0, 4}, {2, 3, 5}}) {
      at::Tensor tensor = at::empty(shape, type);
      auto* bytes = static_cast<unsigned char*>(tensor.mutable_data_ptr());
      for (std::size_t i = 0; i < tensor.nbytes(); ++i) bytes[i] = type == at::kBool ? i % 2 : i * 37 + 11;
      saved.emplace_back(std::string(c10::toString(type)) + c10::str(shape), tensor);
    }
  }
  save_safetensors(folder / "a.safetensors", saved, {{"format", "pt"}, {"note", "\"quoted\" \xc3\xa9"}});
  EXPECT_EQ(folder.entries(), 1u);
  const SafetensorsFile file(folder / "a.safetensors");
  EXPECT_EQ(file.metadata().at("note"), "\"quoted\" \xc3\xa9");
  EXPECT_EQ(file.tensors().size(), saved.size());
  for (const auto& [name, tensor] : saved) {
    SCOPED_TRACE(name);
    const at::Tensor loaded = file.tensor(name);
    EXPECT_EQ(loaded.scalar_type(), tensor.scalar_type());
    EXPECT_EQ(loaded.sizes(), tensor.sizes());
    EXPECT_TRUE(at::equal(bytes_of(loaded), bytes_of(tensor)));
  }
}

TEST(Safetensors, WritesWideDtypesFirstThenByNameWithAPaddedHeader) {
  const TempFolder folder;
  save_safetensors(folder / "a.safetensors", {{"z", at::ones({3}, at::kByte)},
                                              {"b", at::ones({3}, at::kHalf)},
                                              {"a", at::ones({3}, at::kHalf)},
                                              {"y", at::ones({1}, at::kDouble)}});
  const std::string bytes = read_bytes(folder / "a.safetensors");
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  EXPECT_EQ(header_bytes % 8, 0u);
  EXPECT_EQ(bytes.size(), 8 + header_bytes + 8 + 6 + 6 + 3);
  EXPECT_EQ(SafetensorsFile(folder / "a.safetensors").names(), (std::vector<std::string>{"y", "a", "b", "z"}));
}

TEST(Safetensors, SavesViewsAsTheyRead) {
  const TempFolder folder;
  const at::Tensor whole = at::arange(12, at::kFloat).view({3, 4});
  save_safetensors(folder / "a.safetensors", {{"columns", whole.t()}, {"row", whole.select(0, 1)}});
  const SafetensorsFile file(folder / "a.safetensors");
  EXPECT_TRUE(at::equal(file.tensor("columns"), whole.t()));
  EXPECT_TRUE(at::equal(file.tensor("row"), whole.select(0, 1)));
}

TEST(Safetensors, AFileWithoutTensorsIsValid) {
  const TempFolder folder;
  save_safetensors(folder / "a.safetensors", {});
  EXPECT_TRUE(SafetensorsFile(folder / "a.safetensors").names().empty());
}

TEST(Safetensors, RefusesToSaveWhatItCouldNotLoad) {
  const TempFolder folder;
  const fs::path path = folder / "a.safetensors";
  const at::Tensor one = at::ones({1});
  const auto refusal = [&](const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
    const std::string message = error_of(ExitCode::kOutputFailed, [&] { save_safetensors(path, tensors); });
    EXPECT_TRUE(contains(message, path.string()));
    return message;
  };
  EXPECT_TRUE(contains(refusal({{"a", one}, {"b", one}, {"a", one}}), "'a' occurs twice"));
  EXPECT_TRUE(contains(refusal({{"__metadata__", one}}), "is reserved"));
  EXPECT_TRUE(contains(refusal({{"a", at::Tensor()}}), "is undefined"));
  EXPECT_TRUE(contains(refusal({{"a", at::ones({1}, at::kComplexDouble)}}), "no dtype ComplexDouble"));
  EXPECT_TRUE(contains(refusal({{"\xff", one}}), "not UTF-8"));
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(Safetensors, FindsByNameAndReportsAMissingOne) {
  const TempFolder folder;
  save_safetensors(folder / "a.safetensors", {{"b", at::ones({2})}, {"a", at::ones({3})}, {"", at::ones({1})}});
  const SafetensorsFile file(folder / "a.safetensors");
  ASSERT_NE(file.find("a"), nullptr);
  EXPECT_EQ(file.find("a")->shape, std::vector<std::int64_t>{3});
  EXPECT_NE(file.find(""), nullptr);
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { file.tensor("c"); }), "tensor 'c' is missing"));
}

TEST(Safetensors, TensorsOutliveTheFileObjectAndAReplacedFile) {
  const TempFolder folder;
  const fs::path path = folder / "a.safetensors";
  save_safetensors(path, {{"a", at::full({1000}, 3.0)}, {"b", at::full({1000}, 4.0)}});
  std::optional<SafetensorsFile> file(path);
  const at::Tensor a = file->tensor("a");
  save_safetensors(path, {{"a", at::zeros({5})}});  // renamed over the mapped file, which stays whole
  const at::Tensor b = file->tensor("b");
  file.reset();
  EXPECT_EQ(a.sum().item<float>(), 3000.0f);
  EXPECT_EQ(b.sum().item<float>(), 4000.0f);
}

TEST(Safetensors, CopiesMisalignedData) {
  const TempFolder folder;
  const float values[] = {1.5f, -2.5f};
  std::string data(1, '\x07');
  data.append(reinterpret_cast<const char*>(values), sizeof(values));
  const std::string header =
      R"({"odd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  const SafetensorsFile file(write_file(folder / "a.safetensors", safetensors_bytes(header) + data));
  const at::Tensor a = file.tensor("a");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.const_data_ptr()) % alignof(float), 0u);
  EXPECT_EQ(a[0].item<float>(), 1.5f);
  EXPECT_EQ(a[1].item<float>(), -2.5f);
}

TEST(Safetensors, NormalisesBooleans) {
  const TempFolder folder;
  const std::string header = R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})";
  const SafetensorsFile file(write_file(folder / "a.safetensors", safetensors_bytes(header) + "\x00\x01\xfe"s));
  const at::Tensor a = file.tensor("a");
  EXPECT_EQ(static_cast<const unsigned char*>(a.const_data_ptr())[2], 1);
  EXPECT_EQ(a.sum().item<std::int64_t>(), 2);
}

TEST(Safetensors, AcceptsPaddingScalarsEmptyTensorsAndEscapedNames) {
  const TempFolder folder;
  const std::string header =
      R"({"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e\u006dpty":{"data_offsets":[4,4],"dtype":"F64","shape":[2,0]},"first":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}     )";
  const SafetensorsFile file(write_file(folder / "a.safetensors", safetensors_bytes(header, 4)));
  EXPECT_EQ(file.tensor("scalar").dim(), 0);
  EXPECT_EQ(file.tensor("empty").sizes(), (std::vector<std::int64_t>{2, 0}));
  EXPECT_EQ(file.names(), (std::vector<std::string>{"first", "scalar", "empty"}));
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Safetensors, ReleaseDropsThePagesAndTheViewStaysValid) {
  const TempFolder folder;
  constexpr std::int64_t kCount = 16 << 20;
  save_safetensors(folder / "a.safetensors", {{"a", at::ones({kCount})}, {"b", at::ones({4})}});
  const SafetensorsFile file(folder / "a.safetensors");
  const at::Tensor a = file.tensor("a");
  EXPECT_EQ(a.sum().item<double>(), static_cast<double>(kCount));
  const std::uint64_t loaded = resident_bytes();
  file.release("a");
  file.release("unknown");
  EXPECT_LT(resident_bytes() + kCount * 3, loaded);
  EXPECT_EQ(a[kCount - 1].item<float>(), 1.0f);
}

}  // namespace
}  // namespace ditto::test
