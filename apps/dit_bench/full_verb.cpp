#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/machine.h"
#include "apps/dit_bench/verbs.h"
#include "ditto.h"
#include "eval/summary.h"

namespace ditto {
namespace {

/// One way to run the model, and what its runs took.
struct Form {
  std::string dtype, kernels;
  std::shared_ptr<const VideoModel> model;
  std::vector<double> text = {}, denoise = {}, decode = {};
  std::vector<double> speedup = {};  ///< denoising, over the plainest form in the same repetition
};

std::vector<Form> load_forms(const FullArguments& arguments) {
  std::vector<Form> forms;
  for (const auto& [dtype, type] : {std::pair("fp32", at::kFloat), {"bf16", at::kBFloat16}}) {
    for (const auto& [kernels, mode] : {std::pair("reference", KernelMode::kReference), {"auto", KernelMode::kAuto}}) {
      LoadOptions options;
      options.dtype = type;
      options.kernels = mode;
      forms.push_back({dtype, kernels, load_model(arguments.clip.model_folder(), options)});
    }
  }
  return forms;
}

void run(Form& form, const Request& request, const GenerateOptions& options) {
  const PhaseSeconds seconds = generate(*form.model, request, options).seconds;
  form.text.push_back(seconds.text);
  form.denoise.push_back(seconds.denoise);
  form.decode.push_back(seconds.decode);
}

void print(Console& console, const Form& form) {
  const double text = median(form.text), denoise = median(form.denoise), decode = median(form.decode);
  console.event({{"dtype", form.dtype},
                 {"kernels", form.kernels},
                 {"speedup", median(form.speedup)},
                 {"seconds", {{"text", text}, {"denoise", denoise}, {"decode", decode}}},
                 {"repetitions", form.denoise.size()}});
  console.result(
      fmt::format("{} {:<9}  denoises {:5.2f}x as fast as fp32 reference ({:.3f} s); text {:4.1f} %, "
                  "denoising {:4.1f} %, decoding {:4.1f} % of a clip",
                  form.dtype, form.kernels, median(form.speedup), denoise, 100 * text / (text + denoise + decode),
                  100 * denoise / (text + denoise + decode), 100 * decode / (text + denoise + decode)));
}

}  // namespace

ExitCode bench_full(Program& program, const FullArguments& arguments) {
  at::set_num_threads(arguments.threads);
  std::vector<Form> forms = load_forms(arguments);
  const Request request = arguments.clip.request();
  announce_machine(program.console);
  Request warm_up = request;
  warm_up.steps = 2;
  GenerateOptions options;
  options.stop = arguments.stop;
  for (const Form& form : forms) generate(*form.model, warm_up, options);
  for (int k = 0; k < arguments.repetitions; ++k) {
    for (Form& form : forms) run(form, request, options);
    for (Form& form : forms) form.speedup.push_back(forms.front().denoise.back() / form.denoise.back());
  }
  for (const Form& form : forms) print(program.console, form);
  return ExitCode::kDone;
}

}  // namespace ditto
