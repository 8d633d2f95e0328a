// Every part of the Wan transformer against diffusers: tests/data/wan/README.md says what each tensor is. Each unit
// starts from the state that diffusers had there, so that errors do not add up.

#include "models/wan/transformer.h"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/view_as_real.h>
#include <c10/core/InferenceMode.h>

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "models/wan/run_context.h"
#include "numeric.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

std::filesystem::path folder_of(const std::string& model) { return data_path("wan") / model; }

/// The committed forward pass of one tiny transformer, and Ditto's transformer of the same folder.
struct TinyTransformer {
  c10::InferenceMode inference;
  std::filesystem::path folder;
  std::unique_ptr<const WanTransformer> model;
  SafetensorsFile fixtures;

  TinyTransformer(const std::string& name, const WanTransformerOptions& options)
      : folder(folder_of(name)),
        model(WanTransformer::load(folder, {name, "feed"}, options)),
        fixtures(folder / "forward.safetensors") {}

  at::Tensor fixture(const std::string& name) const { return fixtures.tensor(name); }

  std::unique_ptr<const RunContext> prepare(const std::vector<double>& timesteps) const {
    const at::Tensor text = fixture("text_embeddings");
    const std::vector<at::Tensor> branches{text.narrow(0, 0, 1), text.narrow(0, 1, 1)};
    std::vector<StepInfo> schedule;
    for (const double timestep : timesteps) schedule.push_back({.timestep = timestep});
    const at::Tensor latent = fixture("latent").narrow(0, 0, 1);
    return model->prepare(branches, schedule, latent.sizes());
  }

  /// The fixture's two rows have two latents; a run's branches share one. So each row is embedded by itself.
  Activations embed(const RunContext& context, int step = 0) const {
    Activations both{{}, {0, 1}, step, &context};
    std::vector<at::Tensor> rows;
    for (int row = 0; row < 2; ++row) {
      rows.push_back(model->embed(context, fixture("latent").narrow(0, row, 1), step, {row}).hidden.video);
    }
    both.hidden.video = at::cat(rows);
    return both;
  }

  /// Both rows in the state of that name.
  Activations state(const RunContext& context, const std::string& name) const {
    return {{fixture(name).to(model->dtype(), /*non_blocking=*/false, /*copy=*/true), {}}, {0, 1}, 0, &context};
  }

  void run_units(int begin, int end, Activations& activations) const {
    for (int unit = begin; unit < end; ++unit) {
      model->apply_unit(unit, Blend::fresh(model->run_unit(unit, activations)), activations);
    }
  }

  at::Tensor predict(Activations activations) const {
    run_units(0, model->topology().unit_count(), activations);
    return model->project(activations);
  }
};

/// diffusers' names of a unit's output and of the state after it.
std::pair<std::string, std::string> names_of(const UnitInfo& unit) {
  const std::string block = "blocks." + std::to_string(unit.block) + ".";
  if (unit.kind == "self_attention") return {block + "attn1.output", block + "hidden_after_attn1"};
  if (unit.kind == "cross_attention") return {block + "attn2.output", block + "hidden_after_attn2"};
  return {block + "ffn.output", block + "output"};
}

using Case = std::tuple<const char*, KernelMode>;

std::string case_name(const Case& parameters) {
  std::string name = std::get<0>(parameters);
  std::ranges::replace(name, '-', '_');
  return name + (std::get<1>(parameters) == KernelMode::kAuto ? "_auto" : "_reference");
}

constexpr double kTimestep = 818;  // of the fixtures' main run

class TransformerParity : public testing::TestWithParam<Case> {
 protected:
  const TinyTransformer tiny_{std::get<0>(GetParam()), {.kernels = std::get<1>(GetParam())}};
  const WanTransformer& model_ = *tiny_.model;

  void expect_near(const at::Tensor& actual, const std::string& name) const {
    const at::Tensor expected = tiny_.fixture(name);
    ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
    EXPECT_LE(relative_error(actual, expected), tolerance::kUnitFloat32) << name;
  }
};

TEST_P(TransformerParity, EmbedsPatches) {
  expect_near(tiny_.embed(*tiny_.prepare({kTimestep})).hidden.video, "patch");
}

TEST_P(TransformerParity, RotaryTable) {
  const auto context = tiny_.prepare({kTimestep});
  const at::Tensor table = at::view_as_real(static_cast<const WanRunContext&>(*context).rotation);
  for (const auto& [part, name] : {std::pair{0, "rope.cos"}, std::pair{1, "rope.sin"}}) {
    const at::Tensor pairs =
        table.select(-1, part).repeat_interleave(2, -1).unsqueeze(0);  // one angle for two channels
    expect_near(pairs, name);
  }
}

TEST_P(TransformerParity, Signals) {
  const auto context = tiny_.prepare({kTimestep, tiny_.fixture("float.timestep")[0].item<double>()});
  Activations activations = tiny_.embed(*context);
  expect_near(model_.signal(Signal::kTimeEmbedding, activations), "temb");
  expect_near(model_.signal(Signal::kTimeProjection, activations), "tproj");
  expect_near(model_.signal(Signal::kModulatedInput, activations), "blocks.0.attn1.input");
  activations.step = 1;
  expect_near(model_.signal(Signal::kTimeEmbedding, activations), "float.temb");
  expect_near(model_.signal(Signal::kTimeProjection, activations), "float.tproj");
}

TEST_P(TransformerParity, EveryUnitAndTheStateAfterIt) {
  const auto context = tiny_.prepare({kTimestep});
  std::string before = "patch";
  for (int unit = 0; unit < model_.topology().unit_count(); ++unit) {
    const auto [output, after] = names_of(model_.topology().units[static_cast<std::size_t>(unit)]);
    Activations activations = tiny_.state(*context, before);
    Feature feature = model_.run_unit(unit, activations);
    expect_near(activations.hidden.video, before);  // running a unit changes nothing
    expect_near(feature.video, output);
    model_.apply_unit(unit, Blend::fresh(std::move(feature)), activations);
    expect_near(activations.hidden.video, after);
    before = after;
  }
}

TEST_P(TransformerParity, AppliesABlendOfDiffusersOutputs) {
  const auto context = tiny_.prepare({kTimestep});
  for (const int unit : {0, 1, 2}) {  // one of each kind
    const auto [output, after] = names_of(model_.topology().units[static_cast<std::size_t>(unit)]);
    const std::string before = unit == 0 ? "patch" : names_of(model_.topology().units[unit - 1]).second;
    Activations activations = tiny_.state(*context, before);
    const Feature feature{tiny_.fixture(output), {}};
    model_.apply_unit(unit, {{feature, feature, feature}, {2.0F, -1.5F, 0.5F}}, activations);
    expect_near(activations.hidden.video, after);
  }
}

TEST_P(TransformerParity, ProjectsThePrediction) {
  const auto context = tiny_.prepare({kTimestep});
  expect_near(model_.project(tiny_.state(*context, "blocks.1.output")), "prediction");
}

TEST_P(TransformerParity, WholeForward) {
  const auto context = tiny_.prepare({kTimestep, tiny_.fixture("float.timestep")[0].item<double>()});
  expect_near(tiny_.predict(tiny_.embed(*context, 0)), "prediction");
  expect_near(tiny_.predict(tiny_.embed(*context, 1)), "float.prediction");
}

TEST_P(TransformerParity, WholeForwardOfOneBranchAtATime) {
  const auto context = tiny_.prepare({kTimestep});
  std::vector<at::Tensor> predictions;
  for (int branch : {0, 1}) {
    predictions.push_back(
        tiny_.predict(model_.embed(*context, tiny_.fixture("latent").narrow(0, branch, 1), 0, {branch})));
  }
  expect_near(at::cat(predictions), "prediction");
}

INSTANTIATE_TEST_SUITE_P(Models, TransformerParity,
                         testing::Combine(testing::Values("tiny-a", "tiny-b", "tiny-c"),
                                          testing::Values(KernelMode::kAuto, KernelMode::kReference)),
                         [](const auto& info) { return case_name(info.param); });

/// bf16 against diffusers' own bf16 run, and both against the fp32 run.
class TransformerBfloat16 : public testing::TestWithParam<Case> {
 protected:
  const TinyTransformer tiny_{std::get<0>(GetParam()), {.dtype = at::kBFloat16, .kernels = std::get<1>(GetParam())}};
  const WanTransformer& model_ = *tiny_.model;

  void expect_near(const at::Tensor& actual, const std::string& name) const {
    const at::Tensor python = tiny_.fixture("bf16." + name);
    ASSERT_EQ(actual.scalar_type(), at::kBFloat16) << name;
    ASSERT_EQ(actual.sizes(), python.sizes()) << name;
    EXPECT_LE(error_in_ulps(actual, python), tolerance::kBfloat16Ulps) << name;
    EXPECT_GE(cosine(actual, python), tolerance::kBfloat16Cosine) << name;
  }

  /// Only where both runs started from the same inputs.
  void expect_as_exact_as_python(const at::Tensor& actual, const std::string& name) const {
    const at::Tensor exact = tiny_.fixture(name), python = tiny_.fixture("bf16." + name);
    EXPECT_LE(relative_error(actual, exact), tolerance::kBfloat16ErrorRatio * relative_error(python, exact)) << name;
  }
};

TEST_P(TransformerBfloat16, EmbeddingAndSignals) {
  const auto context = tiny_.prepare({kTimestep});
  const Activations activations = tiny_.embed(*context);
  expect_near(activations.hidden.video, "patch");
  expect_near(model_.signal(Signal::kTimeEmbedding, activations), "temb");
  expect_near(model_.signal(Signal::kTimeProjection, activations), "tproj");
}

TEST_P(TransformerBfloat16, EveryBlockFromDiffusersState) {
  const auto context = tiny_.prepare({kTimestep});
  Activations first = tiny_.state(*context, "bf16.patch");
  tiny_.run_units(0, 3, first);
  expect_near(first.hidden.video, "blocks.0.output");
  Activations second = tiny_.state(*context, "bf16.blocks.0.output");
  tiny_.run_units(3, 6, second);
  expect_near(second.hidden.video, "blocks.1.output");
  expect_near(model_.project(tiny_.state(*context, "bf16.blocks.1.output")), "prediction");
}

TEST_P(TransformerBfloat16, WholeForward) {
  const auto context = tiny_.prepare({kTimestep});
  const at::Tensor prediction = tiny_.predict(tiny_.embed(*context));
  expect_near(prediction, "prediction");
  expect_as_exact_as_python(prediction, "prediction");
}

INSTANTIATE_TEST_SUITE_P(Models, TransformerBfloat16,
                         testing::Combine(testing::Values("tiny-a", "tiny-b"),
                                          testing::Values(KernelMode::kAuto, KernelMode::kReference)),
                         [](const auto& info) { return case_name(info.param); });

}  // namespace
}  // namespace ditto::test
