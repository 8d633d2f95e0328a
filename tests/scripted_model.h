#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "core/model.h"

namespace ditto::test {

/// What a ScriptedModel computes. Every function may be left out: the latent is then embedded as it is, units add
/// nothing and signals are 1. Tensors are [1, 1, channels]; `branch` is the index into the run's branches.
struct Script {
  std::string name = "scripted";
  int blocks = 1;
  std::vector<std::string> kinds = {"feed_forward"};  ///< of the units of each block, "blocks.N.<kind>"
  bool guidance_distilled = false;
  std::function<at::Tensor(int step, int branch, const at::Tensor& latent)> embedded = {};
  std::function<at::Tensor(int unit, int step, int branch, const at::Tensor& hidden)> output = {};
  std::function<double(int step, int branch)> signal = {};
};

/// A model whose features are the numbers of a published test vector. Latents are [1, channels, 1, 1, 1]; there is one
/// token and no gate.
class ScriptedModel : public Model {
 public:
  explicit ScriptedModel(Script script, int channels = 1) : script_(std::move(script)) {
    topology_.identity = {script_.name, "feed"};
    topology_.channels = channels;
    topology_.guidance_distilled = script_.guidance_distilled;
    for (int block = 0; block < script_.blocks; ++block) {
      for (const std::string& kind : script_.kinds) {
        topology_.units.push_back({"blocks." + std::to_string(block) + "." + kind, kind, block});
      }
    }
  }

  const Topology& topology() const override { return topology_; }

  std::unique_ptr<const RunContext> prepare(std::span<const at::Tensor>, std::span<const StepInfo>,
                                            at::IntArrayRef) const override {
    return std::make_unique<RunContext>();
  }

  Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                    std::vector<int> rows) const override {
    const at::Tensor plain = latent.reshape({1, 1, topology_.channels});
    std::vector<at::Tensor> hidden;
    for (const int branch : rows) hidden.push_back(script_.embedded ? script_.embedded(step, branch, plain) : plain);
    return {{at::cat(hidden, 0), {}}, std::move(rows), step, &context};
  }

  Feature run_unit(int unit, const Activations& activations) const override {
    std::vector<at::Tensor> outputs;
    for (std::size_t r = 0; r < activations.rows.size(); ++r) {
      const at::Tensor hidden = activations.hidden.video.narrow(0, static_cast<std::int64_t>(r), 1);
      outputs.push_back(script_.output ? script_.output(unit, activations.step, activations.rows[r], hidden)
                                       : at::zeros_like(hidden));
    }
    return {at::cat(outputs, 0), {}};
  }

  void apply_unit(int, const Blend& blend, Activations& activations) const override {
    for (std::size_t k = 0; k < blend.terms.size(); ++k) {
      activations.hidden.video.add_(blend.terms[k].video, blend.weights[k]);
    }
  }

  at::Tensor signal(Signal signal, const Activations& activations) const override {
    std::vector<float> values;
    for (const int branch : activations.rows) {
      values.push_back(static_cast<float>(script_.signal ? script_.signal(activations.step, branch) : 1.0));
    }
    const at::Tensor rows = at::tensor(values, at::kFloat).unsqueeze(1);
    return signal == Signal::kModulatedInput ? rows.unsqueeze(2).expand({-1, 1, topology_.channels}) : rows;
  }

  at::Tensor project(const Activations& activations) const override {
    return activations.hidden.video.reshape({-1, topology_.channels, 1, 1, 1}).clone();
  }

 private:
  Script script_;
  Topology topology_;
};

/// A row [1, 1, channels] of numbers.
inline at::Tensor row_of(const std::vector<float>& values) {
  return at::tensor(values, at::kFloat).reshape({1, 1, static_cast<std::int64_t>(values.size())});
}

/// The number a tensor of one element holds.
inline double number(const at::Tensor& tensor) { return tensor.item<double>(); }

/// A latent [1, channels, 1, 1, 1] of numbers.
inline at::Tensor latent_of(const std::vector<float>& values) {
  return at::tensor(values, at::kFloat).reshape({1, static_cast<std::int64_t>(values.size()), 1, 1, 1});
}

}  // namespace ditto::test
