#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "caches/profiling/combine.h"
#include "caches/profiling/profile_recorder.h"
#include "core/video_model.h"
#include "runtime/pipeline.h"
#include "scripted_model.h"

namespace ditto::test {

/// A scripted denoiser as a whole model: latents are [1, channels, 1, 1, 1], prompts are not looked at.
class ScriptedVideoModel : public VideoModel {
 public:
  explicit ScriptedVideoModel(Script script, int channels = 1) : denoiser_(std::move(script), channels) {
    defaults_.width = defaults_.height = defaults_.frames = 1;
    defaults_.steps = 8;
    defaults_.guidance = 1;
    defaults_.solver = "euler";
  }

  const ModelDefaults& defaults() const override { return defaults_; }
  const Model& denoiser() const override { return denoiser_; }
  at::Tensor encode_text(const std::string&) const override { return row_of({0}); }
  std::vector<std::int64_t> latent_sizes(int, int, int) const override {
    return {1, denoiser_.topology().channels, 1, 1, 1};
  }
  at::Tensor decode(const at::Tensor&, const std::function<bool(int, int)>&) const override { return {}; }
  std::int64_t weight_bytes() const override { return 0; }
  std::int64_t activation_bytes(at::IntArrayRef) const override { return 0; }

 private:
  ScriptedModel denoiser_;
  ModelDefaults defaults_;
};

/// One measured run, without what is derived from runs.
inline Profile measure(const VideoModel& model, const Request& request, ArrayGroups groups = all_array_groups()) {
  ProfileRecorder recorder(std::move(groups), resolve(model, request).latent_sizes);
  GenerateOptions options;
  options.decode = false;
  options.on_prediction = [&](const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) {
    recorder.see_step(step, latent, prediction);
  };
  const Result result = generate(
      model, request, [&] { return recorder.policy(); }, options);
  return recorder.finish(result.latents);
}

/// The profile of one run.
inline Profile profile_of(const VideoModel& model, const Request& request, ArrayGroups groups = all_array_groups()) {
  const Profile run = measure(model, request, std::move(groups));
  return combine({&run, 1});
}

inline double number(const at::Tensor& array, std::initializer_list<std::int64_t> index) {
  at::Tensor value = array;
  for (const std::int64_t at : index) value = value.select(0, at);
  return value.item<double>();
}

}  // namespace ditto::test
