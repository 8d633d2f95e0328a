#include "apps/common/sampling_arguments.h"

#include <limits>

namespace ditto {
namespace {

/// The model has more to say about numbers of frames and steps than a range.
constexpr int kLeast = std::numeric_limits<int>::min(), kMost = std::numeric_limits<int>::max();

}  // namespace

void SamplingArguments::apply_to(Request& request) const {
  if (size) {
    request.width = size->width;
    request.height = size->height;
  }
  request.frames = frames;
  request.steps = steps;
  request.guidance = guidance;
  request.shift = shift;
  request.solver = solver;
}

void add_sampling_options(CLI::App& app, SamplingArguments& arguments) {
  add_text_option(app, "-s,--seed", "42, a list as in 1,2,3, or random:4 (default 42)", "LIST",
                  [&](const std::string& text) { arguments.seeds = parse_seeds("--seed", text); });
  add_text_option(app, "--size", "pixels (default: the model's own)", "WxH",
                  [&](const std::string& text) { arguments.size = parse_size("--size", text); });
  add_integer_option(app, "--frames", "4k+1 frames (default: the model's own)", kLeast, kMost, arguments.frames);
  add_integer_option(app, "--steps", "denoising steps (default: the model's own, 50)", kLeast, kMost, arguments.steps);
  add_text_option(app, "--guidance", "guidance scale; 1 runs one branch (default: the model's own)", "G",
                  [&](const std::string& text) { arguments.guidance = parse_number("--guidance", text, 0, 1000); });
  add_text_option(app, "--shift", "flow shift of the noise levels (default: the model's own)", "S",
                  [&](const std::string& text) { arguments.shift = parse_number("--shift", text, 0.001, 1000); });
  add_text_option(app, "--solver", "unipc or euler (default: the model's own)", "NAME", [&](const std::string& text) {
    arguments.solver = parse_choice("--solver", text, {"unipc", "euler"});
  });
}

}  // namespace ditto
