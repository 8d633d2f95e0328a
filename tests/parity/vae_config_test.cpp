#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/safetensors.h"
#include "models/wan/vae.h"
#include "test_paths.h"

namespace ditto {
namespace {

class WanVaeFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) / (std::string("vae_") + info->name());
    std::filesystem::create_directories(folder_);
    document_ = nlohmann::json::parse(std::ifstream(source_ / "config.json"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  WanVaeConfig read(const nlohmann::json& document) const {
    std::ofstream(folder_ / "config.json") << document.dump();
    return WanVaeConfig::read(folder_ / "config.json");
  }

  void expect_refused(const std::string& key, const nlohmann::json& value) const {
    nlohmann::json document = document_;
    document[key] = value;
    try {
      read(document);
      ADD_FAILURE() << key << " " << value << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      EXPECT_NE(std::string(error.what()).find("config.json: " + key + ": "), std::string::npos) << error.what();
    }
  }

  /// The message of loading vae-a after `change` of its tensors.
  template <typename Change>
  std::string load_changed(const Change& change) const {
    const SafetensorsFile file(source_ / "diffusion_pytorch_model.safetensors");
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const std::string& name : file.names()) tensors.emplace_back(name, file.tensor(name));
    change(tensors);
    save_safetensors(folder_ / "diffusion_pytorch_model.safetensors", tensors);
    std::ofstream(folder_ / "config.json") << document_.dump();
    try {
      WanVaeDecoder::load(folder_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      return error.what();
    }
    return "";
  }

  std::filesystem::path source_ = test::data_path("wan/vae-a");
  std::filesystem::path folder_;
  nlohmann::json document_;
};

TEST_F(WanVaeFiles, MissingKeysHaveThePublishedValues) {
  const WanVaeConfig config = read(nlohmann::json::object());
  EXPECT_EQ(config.z_dim, 16);
  EXPECT_EQ(config.num_res_blocks, 2);
  EXPECT_EQ(config.stage_channels, (std::vector<std::int64_t>{384, 384, 192, 96}));
  EXPECT_EQ(config.temporal_upsample, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(config.scale_factor_temporal, 4);
  EXPECT_EQ(config.scale_factor_spatial, 8);
  EXPECT_EQ(config.latents_mean.at(15), -0.2921);
  EXPECT_EQ(config.latents_std.at(0), 2.8184);
}

TEST_F(WanVaeFiles, TheDecoderMayHaveItsOwnWidth) {
  document_["decoder_base_dim"] = 12;
  EXPECT_EQ(read(document_).stage_channels, (std::vector<std::int64_t>{48, 48, 24, 12}));
}

TEST_F(WanVaeFiles, UnsupportedSettingsAreNamed) {
  expect_refused("is_residual", true);
  expect_refused("attn_scales", {0.5});
  expect_refused("patch_size", 2);
  expect_refused("out_channels", 12);
  expect_refused("z_dim", 0);
  expect_refused("num_res_blocks", 0);
  expect_refused("dim_mult", {1});
  expect_refused("temperal_downsample", {true, true});
  expect_refused("temperal_downsample", {0, 1, 1});
  expect_refused("latents_mean", {0.5});
  expect_refused("latents_std", std::vector<double>(16, 0));
  expect_refused("scale_factor_spatial", 16);
  expect_refused("scale_factor_temporal", 8);
}

TEST_F(WanVaeFiles, TheEncodersWeightsMayBeAbsent) {
  EXPECT_EQ(load_changed([](auto& tensors) {
              std::erase_if(tensors, [](const auto& entry) {
                return entry.first.starts_with("encoder.") || entry.first.starts_with("quant_conv.");
              });
            }),
            "");
}

TEST_F(WanVaeFiles, MissingMisshapenAndUnknownTensorsAreNamed) {
  const std::string missing = load_changed([](auto& tensors) {
    std::erase_if(tensors, [](const auto& entry) { return entry.first == "decoder.norm_out.gamma"; });
  });
  EXPECT_NE(missing.find("decoder.norm_out.gamma"), std::string::npos) << missing;
  const std::string misshapen = load_changed([](auto& tensors) {
    for (auto& [name, tensor] : tensors) {
      if (name == "post_quant_conv.weight") tensor = at::zeros({16, 16});
    }
  });
  EXPECT_NE(misshapen.find("post_quant_conv.weight"), std::string::npos) << misshapen;
  const std::string unknown =
      load_changed([](auto& tensors) { tensors.emplace_back("decoder.extra", at::zeros({1})); });
  EXPECT_NE(unknown.find("decoder.extra"), std::string::npos) << unknown;
}

}  // namespace
}  // namespace ditto
