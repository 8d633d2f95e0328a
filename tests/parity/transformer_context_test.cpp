// What the Wan transformer computes once per run, and how its weights are found.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/silu.h>
#include <c10/core/InferenceMode.h>

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "kernels/rms_norm_rope.h"
#include "models/wan/conditioning.h"
#include "models/wan/run_context.h"
#include "models/wan/transformer.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

const std::vector<double> kTimesteps{999, 818, 602.150634765625, 8.92857};

std::vector<StepInfo> schedule_of(const std::vector<double>& timesteps) {
  std::vector<StepInfo> schedule;
  for (const double timestep : timesteps) schedule.push_back({.timestep = timestep});
  return schedule;
}

/// Texts of both branches and a latent, from the committed forward pass of a tiny transformer.
struct Inputs {
  std::vector<at::Tensor> text;
  at::Tensor latent;

  explicit Inputs(const std::filesystem::path& folder) {
    const SafetensorsFile fixtures(folder / "forward.safetensors");
    for (const int branch : {0, 1}) text.push_back(fixtures.tensor("text_embeddings").narrow(0, branch, 1));
    latent = fixtures.tensor("latent").narrow(0, 0, 1);
  }
};

at::Tensor predict(const WanTransformer& model, const RunContext& context, const at::Tensor& latent, int step) {
  Activations activations = model.embed(context, latent, step, {0, 1});
  for (int unit = 0; unit < model.topology().unit_count(); ++unit) {
    model.apply_unit(unit, Blend::fresh(model.run_unit(unit, activations)), activations);
  }
  return model.project(activations);
}

class OncePerRun : public testing::TestWithParam<at::ScalarType> {
 protected:
  const c10::InferenceMode inference_;
  const std::filesystem::path folder_ = data_path("wan/tiny-b");
  const Inputs inputs_{folder_};
  const WanTransformerConfig config_ = WanTransformerConfig::read(folder_ / "config.json");
  WeightSet files_{folder_};
  const WanTransformerWeights weights_ = take_transformer_weights(config_, files_, GetParam(), at::kCPU);
  const std::unique_ptr<const WanTransformer> model_ =
      WanTransformer::load(folder_, {"tiny-b", "feed"}, {.dtype = GetParam()});
  const std::unique_ptr<const RunContext> context_ =
      model_->prepare(inputs_.text, schedule_of(kTimesteps), inputs_.latent.sizes());

  const WanRunContext& context() const { return static_cast<const WanRunContext&>(*context_); }
};

TEST_P(OncePerRun, EveryStepPredictsTheBitsOfARunOfThatStepAlone) {
  for (std::size_t step = 0; step < kTimesteps.size(); ++step) {
    const auto alone = model_->prepare(inputs_.text, schedule_of({kTimesteps[step]}), inputs_.latent.sizes());
    EXPECT_TRUE(at::equal(predict(*model_, *context_, inputs_.latent, static_cast<int>(step)),
                          predict(*model_, *alone, inputs_.latent, 0)));
  }
}

TEST_P(OncePerRun, ModulationsHaveTheBitsOfComputingThemBlockByBlock) {
  for (std::size_t k = 0; k < kTimesteps.size(); ++k) {
    const WanStepModulation& step = context().steps[k];
    const KernelMode mode = KernelMode::kAuto;
    const at::Tensor sinusoid = timestep_embedding(kTimesteps[k], config_.freq_dim);
    const at::Tensor embedding =
        weights_.time_out.forward(at::silu(weights_.time_in.forward(sinusoid, mode)), mode).to(GetParam());
    const at::Tensor projection =
        weights_.time_projection.forward(at::silu(embedding), mode).view({6, config_.width()}).to(at::kFloat);
    EXPECT_TRUE(at::equal(step.time_embedding, embedding));
    for (std::size_t block = 0; block < step.blocks.size(); ++block) {
      const at::Tensor table = weights_.block_tables[static_cast<std::int64_t>(block)] + projection;
      const WanBlockModulation& modulation = step.blocks[block];
      EXPECT_TRUE(at::equal(modulation.attention_shift, table[0]));
      EXPECT_TRUE(at::equal(modulation.attention_scale, table[1] + 1));
      EXPECT_TRUE(at::equal(modulation.attention_gate, table[2]));
      EXPECT_TRUE(at::equal(modulation.feed_forward_shift, table[3]));
      EXPECT_TRUE(at::equal(modulation.feed_forward_scale, table[4] + 1));
      EXPECT_TRUE(at::equal(modulation.feed_forward_gate, table[5]));
    }
  }
}

TEST_P(OncePerRun, TextKeysAndValuesHaveTheBitsOfComputingThemInEachStep) {
  const std::vector<WanTextContext> again = project_text(config_, weights_, inputs_.text, KernelMode::kAuto);
  predict(*model_, *context_, inputs_.latent, 0);  // a step in between changes nothing
  ASSERT_EQ(context().text.size(), again.size());
  for (std::size_t block = 0; block < again.size(); ++block) {
    EXPECT_TRUE(at::equal(context().text[block].keys, again[block].keys));
    EXPECT_TRUE(at::equal(context().text[block].values, again[block].values));
  }
}

TEST_P(OncePerRun, TextRowsOfBranchesAreTheirOwn) {
  const WanTextContext& text = context().text.front();
  for (const int branch : {0, 1}) {
    EXPECT_TRUE(at::equal(text.rows({branch}).keys, text.keys.narrow(0, branch, 1)));
    EXPECT_TRUE(at::equal(text.rows({branch}).values, text.values.narrow(0, branch, 1)));
  }
  EXPECT_TRUE(at::equal(text.rows({1, 0}).keys, text.keys.flip(0)));
  EXPECT_FALSE(at::equal(text.keys[0], text.keys[1]));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, OncePerRun, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

/// Weights are the same bits; products may round otherwise where buffers lie on other addresses.
TEST(TransformerFiles, ShardsPredictAsOneFile) {
  const c10::InferenceMode inference;
  const std::filesystem::path folder = data_path("wan/tiny-c");
  WeightSet shards(folder);
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const std::string& name : shards.names()) {
    tensors.emplace_back(name, shards.take(name, shards.find(name)->shape));
  }
  const std::filesystem::path single = std::filesystem::path(testing::TempDir()) / "ditto-one-file.safetensors";
  save_safetensors(single, tensors);

  const WanTransformerConfig config = WanTransformerConfig::read(folder / "config.json");
  WeightSet one_file(single);
  const WanTransformer joined(config, one_file, {"tiny-c", "feed"}, {});
  const auto sharded = WanTransformer::load(folder, {"tiny-c", "feed"}, {});
  const Inputs inputs(folder);
  const auto run = [&](const WanTransformer& model) {
    return predict(model, *model.prepare(inputs.text, schedule_of({818}), inputs.latent.sizes()), inputs.latent, 0);
  };
  const at::Tensor expected = run(joined);
  const at::Tensor difference = (run(*sharded) - expected).abs().max() / expected.abs().max();
  EXPECT_LE(difference.item<double>(), tolerance::kUnitFloat32);
  std::filesystem::remove(single);
}

TEST(TransformerFiles, Bfloat16WeightsKeepTheFloat32PartsOfDiffusers) {
  const std::filesystem::path folder = data_path("wan/tiny-b");
  const WanTransformerConfig config = WanTransformerConfig::read(folder / "config.json");
  WeightSet files(folder);
  const WanTransformerWeights weights = take_transformer_weights(config, files, at::kBFloat16, at::kCPU);
  for (const at::Tensor& kept : {weights.time_in.weight, weights.time_out.bias, weights.block_tables,
                                 weights.head_table, weights.blocks[1].cross_norm_weight}) {
    EXPECT_EQ(kept.scalar_type(), at::kFloat);
  }
  for (const at::Tensor& converted : {weights.time_projection.weight, weights.text_in.weight, weights.head.bias,
                                      weights.patch_embedding.weight, weights.blocks[1].self_attention.query_norm}) {
    EXPECT_EQ(converted.scalar_type(), at::kBFloat16);
  }
}

}  // namespace
}  // namespace ditto::test
