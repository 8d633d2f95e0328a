#include "io/weights.h"

#include <chrono>
#include <cmath>
#include <limits>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/io_support.h"

namespace ditto::test {
namespace {

using nlohmann::json;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

void save_index(const fs::path& folder, const json& weight_map) {
  write_file(folder / "model.safetensors.index.json", json{{"weight_map", weight_map}}.dump());
}

std::string refusal(const fs::path& path) {
  const std::string message = error_of(ExitCode::kBadInputFile, [&] { WeightSet{path}; });
  EXPECT_TRUE(contains(message, path.string()));
  return message;
}

TEST(Weights, OpensASingleFileOfEitherStemOrByPath) {
  const TempFolder folder;
  for (const char* stem : {"diffusion_pytorch_model", "model"}) {
    const fs::path component = folder / stem;
    fs::create_directory(component);
    save_safetensors(component / (std::string(stem) + ".safetensors"), {{"a", at::arange(6).view({2, 3})}});
    WeightSet weights(component);
    EXPECT_TRUE(weights.has("a"));
    EXPECT_FALSE(weights.has("b"));
    EXPECT_EQ(weights.bytes(), 48u);
    EXPECT_EQ(weights.find("a")->dtype, at::kLong);
    EXPECT_TRUE(at::equal(weights.take("a", {2, 3}), at::arange(6).view({2, 3})));
    weights.finish();
  }
  WeightSet file(folder / "model/model.safetensors");
  EXPECT_EQ(file.names(), std::vector<std::string>{"a"});
}

TEST(Weights, JoinsShards) {
  const TempFolder folder;
  save_safetensors(folder / "model-1.safetensors", {{"a", at::ones({2})}, {"c", at::ones({3})}});
  save_safetensors(folder / "model-2.safetensors", {{"b", at::full({4}, 2.0)}});
  save_index(folder.path(), {{"a", "model-1.safetensors"}, {"b", "model-2.safetensors"}, {"c", "model-1.safetensors"}});
  WeightSet weights(folder.path());
  EXPECT_EQ(weights.names(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(weights.take("a", {2}).sum().item<float>(), 2.0f);
  EXPECT_EQ(weights.take("b", {4}).sum().item<float>(), 8.0f);
  EXPECT_EQ(weights.take("c", {3}).sum().item<float>(), 3.0f);
  weights.finish();
}

TEST(Weights, ConvertsOnlyWhenTheDtypeDiffers) {
  const TempFolder folder;
  save_safetensors(folder / "model.safetensors", {{"a", at::full({8}, 1.5)}});
  WeightSet weights(folder / "model.safetensors");
  const at::Tensor half = weights.take("a", {8}, at::kBFloat16);
  EXPECT_EQ(half.scalar_type(), at::kBFloat16);
  EXPECT_EQ(half[7].item<float>(), 1.5f);
  EXPECT_EQ(weights.take("a", {8}, at::kFloat).const_data_ptr(), weights.take("a", {8}).const_data_ptr());
}

TEST(Weights, ListsMissingMisshapenAndExtraTensorsTogether) {
  const TempFolder folder;
  save_safetensors(folder / "model.safetensors",
                   {{"wrong", at::ones({2, 3})}, {"extra", at::ones({7})}, {"norm_added_q", at::ones({1})}});
  WeightSet weights(folder.path());
  EXPECT_EQ(weights.take("wrong", {3, 2}).sizes(), (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(weights.take("absent", {4}).sizes(), std::vector<std::int64_t>{4});
  const std::string message = error_of(ExitCode::kBadInputFile, [&] {
    weights.finish([](std::string_view name) { return name.find("norm_added_q") != name.npos; });
  });
  EXPECT_EQ(message,
            folder.path().string() +
                ": weights do not fit the model: 'wrong' has shape [2, 3], not [3, 2], 'absent' [4] is missing, "
                "'extra' [7] is not part of the model; accepted: the weights that belong to its config.json");
}

TEST(Weights, ListsTenProblemsAndCountsTheRest) {
  const TempFolder folder;
  save_safetensors(folder / "model.safetensors", {});
  WeightSet weights(folder.path());
  for (int i = 0; i < 25; ++i) weights.take(fmt::format("t{}", i), {1});
  const std::string message = error_of(ExitCode::kBadInputFile, [&] { weights.finish(); });
  EXPECT_TRUE(contains(message, "'t9' [1] is missing and 15 more;"));
  EXPECT_FALSE(contains(message, "t10"));
}

TEST(Weights, AConfigFarLargerThanTheFilesFailsBeforeItCostsMemory) {
  const TempFolder folder;
  save_safetensors(folder / "model.safetensors", {{"a", at::ones({4, 4})}});
  WeightSet weights(folder.path());
  const auto taking = [&](std::int64_t width) {
    return error_of(ExitCode::kBadInputFile, [&] { weights.take("a", {width, width}); });
  };
  EXPECT_TRUE(contains(taking(1'000'000), "'a' has shape [4, 4], not [1000000, 1000000]"));
  EXPECT_TRUE(contains(taking(std::int64_t{1} << 40), "'a' has shape [4, 4]"));
}

TEST(Weights, RefusesUnsafeAndInconsistentIndexes) {
  const TempFolder outside;
  save_safetensors(outside / "x.safetensors", {{"a", at::ones({1})}});
  const TempFolder folder;
  save_safetensors(folder / "one.safetensors", {{"a", at::ones({1})}});
  save_safetensors(folder / "same.safetensors", {{"a", at::ones({1})}});
  save_safetensors(folder / "two.safetensors", {{"b", at::ones({1})}});
  fs::create_symlink(outside / "x.safetensors", folder / "link.safetensors");
  fs::create_symlink("ring2.safetensors", folder / "ring1.safetensors");
  fs::create_symlink("ring1.safetensors", folder / "ring2.safetensors");
  fs::create_directory(folder / "folder.safetensors");

  const auto refused = [&](const json& weight_map) {
    save_index(folder.path(), weight_map);
    return refusal(folder.path());
  };
  EXPECT_TRUE(contains(refused({{"a", "../x.safetensors"}}), "'../x.safetensors' leaves the folder"));
  EXPECT_TRUE(contains(refused({{"a", "b/../../x.safetensors"}}), "leaves the folder"));
  EXPECT_TRUE(contains(refused({{"a", (outside / "x.safetensors").string()}}), "is an absolute path"));
  EXPECT_TRUE(contains(refused({{"a", "link.safetensors"}}), "'link.safetensors' is a link out of the folder"));
  EXPECT_TRUE(contains(refused({{"a", "ring1.safetensors"}}), "'ring1.safetensors' cannot be found: Too many levels"));
  EXPECT_TRUE(contains(refused({{"a", "folder.safetensors"}}), "is a folder"));
  EXPECT_TRUE(contains(refused({{"a", "shard-2.safetensors"}}), "'shard-2.safetensors' cannot be found: No such file"));
  EXPECT_TRUE(contains(refused({{"a", ""}}), "'' is no file name"));
  EXPECT_TRUE(contains(refused({{"a", std::string("one.safetensors\0", 16)}}), "is no file name"));
  EXPECT_TRUE(contains(refused({{"a", "model.safetensors.index.json"}}), "files that end in .safetensors"));
  EXPECT_TRUE(contains(refused({{"a", "one.safetensors"}, {"b", "one.safetensors"}}),
                       "tensor 'b' is not in 'one.safetensors'"));
  EXPECT_TRUE(contains(refused({{"a", "one.safetensors"}, {"b", "same.safetensors"}}),
                       "tensor 'a' is in both 'one.safetensors' and 'same.safetensors'"));
  EXPECT_TRUE(contains(refused({{"a", "two.safetensors"}, {"b", "one.safetensors"}}), "is not in"));
  EXPECT_TRUE(contains(refused({{"a", 7}}), "weight_map.a: is 7; accepted: a text"));
  EXPECT_TRUE(contains(refused(json::object()), "weight_map: is empty"));
  EXPECT_TRUE(contains(refused(json::array()), "weight_map: is an array of 0 values; accepted: an object"));
  json many;
  for (int i = 0; i < 600; ++i) many[std::to_string(i)] = fmt::format("{}.safetensors", i);
  EXPECT_TRUE(contains(refused(many), "names 600 files; accepted: up to 512"));
  write_file(folder / "model.safetensors.index.json", "{}");
  EXPECT_TRUE(contains(refusal(folder.path()), "weight_map: is missing"));
}

TEST(Weights, RefusesASingleFileThatLinksOutOfTheFolder) {
  const TempFolder outside;
  save_safetensors(outside / "x.safetensors", {{"a", at::ones({1})}});
  const TempFolder folder;
  fs::create_symlink(outside / "x.safetensors", folder / "model.safetensors");
  EXPECT_TRUE(contains(refusal(folder.path()), "is a link out of the folder"));
}

TEST(Weights, AcceptsTheLinksOfAHubCache) {
  const TempFolder cache;
  const fs::path snapshot = cache / "models--x/snapshots/0123/vae";
  fs::create_directories(snapshot);
  fs::create_directories(cache / "models--x/blobs");
  save_safetensors(cache / "models--x/blobs/abcd", {{"a", at::ones({1})}});
  fs::create_symlink("../../../blobs/abcd", snapshot / "model.safetensors");
  EXPECT_TRUE(WeightSet(snapshot).has("a"));
}

TEST(Weights, NeverOpensPickledWeightsAndNamesThem) {
  for (const char* name : {"pytorch_model.bin", "model.pt", "model.pth", "wan.ckpt", "wan.gguf", "model.onnx"}) {
    const TempFolder folder;
    write_file(folder / name, "\x80\x02.");
    const std::string message = refusal(folder.path());
    EXPECT_TRUE(contains(message, fmt::format("only '{}', which is never opened", name)));
  }
  const TempFolder folder;
  write_file(folder / "model.safetensors", "PK\x03\x04 0123456789");
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { WeightSet{folder.path()}; }), "zip archive"));
}

TEST(Weights, NamesWhatIsMissingOrAmbiguous) {
  const TempFolder folder;
  EXPECT_TRUE(contains(refusal(folder.path()), "holds no weights; accepted: diffusion_pytorch_model.safetensors"));
  EXPECT_TRUE(contains(refusal(folder / "absent"), "No such file"));
  save_safetensors(folder / "model.safetensors", {});
  save_safetensors(folder / "diffusion_pytorch_model.safetensors", {});
  EXPECT_TRUE(contains(refusal(folder.path()), "holds both diffusion_pytorch_model.safetensors and model.safetensors"));
}

TEST(Weights, ReportsTheFirstNonFiniteTensor) {
  const TempFolder folder;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<at::ScalarType> types{at::kDouble,   at::kFloat,       at::kHalf,
                                          at::kBFloat16, at::kFloat8_e5m2, at::kFloat8_e4m3fn};
  for (const at::ScalarType type : types) {
    SCOPED_TRACE(c10::toString(type));
    for (const std::int64_t at : {0, 4095, 4096, 9999}) {
      at::Tensor bad = at::ones({10'000});
      bad[at] = type == at::kFloat8_e4m3fn || at == 0 ? std::nan("") : -kInfinity;
      save_safetensors(folder / "model.safetensors",
                       {{"good", at::full({5000}, 240.0).to(type)}, {"bad", bad.to(type)}, {"worse", bad.to(type)}});
      WeightSet weights(folder.path());
      weights.take("good", {5000});
      EXPECT_FALSE(weights.first_non_finite().has_value());
      weights.take("bad", {10'000});
      weights.take("worse", {10'000}, at::kDouble);
      EXPECT_EQ(weights.first_non_finite(), "bad");
    }
  }
  save_safetensors(folder / "model.safetensors", {{"all ones", at::full({9}, -1, at::kInt)}});
  WeightSet integers(folder.path());
  integers.take("all ones", {9});
  EXPECT_FALSE(integers.first_non_finite().has_value());
}

TEST(Weights, OpensALargeShardedSetInMilliseconds) {
  const TempFolder folder;
  json weight_map;
  constexpr int kShards = 8, kTensors = 64;
  constexpr std::uint64_t kTensorBytes = 4u << 20;  // 2 GiB in all, sparse
  for (int shard = 0; shard < kShards; ++shard) {
    const std::string file = fmt::format("model-{}.safetensors", shard);
    json header;
    for (int i = 0; i < kTensors; ++i) {
      const std::string name = fmt::format("blocks.{}.attn.{}.weight", shard, i);
      header[name] = {
          {"dtype", "BF16"}, {"shape", {1024, 2048}}, {"data_offsets", {i * kTensorBytes, (i + 1) * kTensorBytes}}};
      weight_map[name] = file;
    }
    const std::string bytes = safetensors_bytes(header.dump());
    fs::resize_file(write_file(folder / file, bytes), bytes.size() + kTensors * kTensorBytes);
  }
  save_index(folder.path(), weight_map);
  const auto start = std::chrono::steady_clock::now();
  const WeightSet weights(folder.path());
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(weights.bytes(), kShards * kTensors * kTensorBytes);
  EXPECT_LT(seconds, 0.5);  // some 5 ms; the bound leaves room for sanitizers and busy machines
  RecordProperty("microseconds", static_cast<int>(seconds * 1e6));
}

TEST(Weights, ConversionDoesNotHoldBothCopies) {
  const TempFolder folder;
  constexpr std::int64_t kCount = 8 << 20;
  Tensors tensors;
  for (const char* name : {"a", "b", "c", "d"}) tensors.emplace_back(name, at::ones({kCount}));
  save_safetensors(folder / "model.safetensors", tensors);
  tensors.clear();
  const auto resident = [] {
    std::ifstream file("/proc/self/statm");
    std::int64_t total = 0, pages = 0;
    file >> total >> pages;
    return pages * ::sysconf(_SC_PAGESIZE);
  };
  WeightSet weights(folder.path());
  const std::int64_t before = resident();
  std::vector<at::Tensor> held;
  for (const char* name : {"a", "b", "c", "d"}) held.push_back(weights.take(name, {kCount}, at::kBFloat16));
  EXPECT_LT(resident() - before, 4 * kCount * 2 + kCount * 4);  // the copies, and less than one stored tensor
}

}  // namespace
}  // namespace ditto::test
