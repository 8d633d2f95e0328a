#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model.h"
#include "solvers/solver.h"

namespace ditto {

/// What a model folder asks for when the user says nothing.
struct ModelDefaults {
  int width = 0;
  int height = 0;
  int frames = 0;
  int fps = 16;
  int steps = 50;
  double guidance = 5.0;
  std::string solver = "unipc";
  SolverOptions solver_options;  ///< of the model's scheduler; `--shift` replaces its shift
};

/// A whole text-to-video model: text encoder, denoising transformer, latent decoder. Immutable, shared by threads.
class VideoModel {
 public:
  virtual ~VideoModel() = default;

  virtual const ModelDefaults& defaults() const = 0;
  virtual const Model& denoiser() const = 0;

  /// Prompt to the embedding [1, tokens, channels] that Model::prepare takes. Throws Error(kUsage) on text that is not
  /// UTF-8.
  virtual at::Tensor encode_text(const std::string& prompt) const = 0;

  /// What is wrong with a prompt that is accepted all the same, as one that is cut; one line.
  virtual std::optional<std::string> text_warning(const std::string&) const { return std::nullopt; }

  /// Sizes of the latent [1, channels, frames, height, width] of a clip. Throws Error(kUsage) naming the option when
  /// the model cannot make that size or number of frames.
  virtual std::vector<std::int64_t> latent_sizes(int width, int height, int frames) const = 0;

  /// Latents as the solver leaves them to pixels [1, 3, frames, height, width] in [-1, 1]. `keep_going(done, total)` is
  /// called between chunks; when it returns false the result is undefined.
  virtual at::Tensor decode(const at::Tensor& latents, const std::function<bool(int, int)>& keep_going) const = 0;

  /// Bytes of the weights as held in memory, and a bound on the activations of one denoising step at that latent size.
  virtual std::int64_t weight_bytes() const = 0;
  virtual std::int64_t activation_bytes(at::IntArrayRef latent_sizes) const = 0;

  /// What a user should know about the loaded files, one line each: weights that hold NaN, for example.
  virtual std::vector<std::string> warnings() const { return {}; }
};

}  // namespace ditto
