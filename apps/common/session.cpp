#include "apps/common/session.h"

#include <chrono>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <fmt/format.h>

#include "apps/common/arguments.h"
#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

c10::Device parse_device(const std::string& text) {
  const bool has_cuda = at::hasCUDA();
  const std::string accepted = has_cuda ? "cpu, cuda or cuda:N" : "cpu (no CUDA device is available)";
  const auto refuse = [&](const char* what) {
    throw Error(ExitCode::kUsage, fmt::format("--device: '{}' {}; accepted: {}", printable(text), what, accepted));
  };
  if (text == "cpu") return c10::kCPU;
  if (text != "cuda" && !text.starts_with("cuda:")) refuse("is no device");
  if (!has_cuda) refuse("is not available");
  if (text == "cuda") return {c10::kCUDA, 0};
  const auto index = static_cast<c10::DeviceIndex>(parse_integer("--device", text.substr(5), 0, 127));
  if (static_cast<std::size_t>(index) >= at::getNumGPUs()) refuse("is not available");
  return {c10::kCUDA, index};
}

c10::ScalarType parse_dtype(const std::string& name) {
  if (name == "bf16") return c10::kBFloat16;
  return name == "fp16" ? c10::kHalf : c10::kFloat;
}

void require_manifest_to_ignore(const Session& session) {
  std::error_code ignored;
  if (session.load.verify_manifest || std::filesystem::exists(session.folder / "manifest.json", ignored)) return;
  throw Error(ExitCode::kUsage, fmt::format("--no-verify: has no effect: '{}' has no manifest.json; accepted: with a "
                                            "model folder that has one",
                                            printable(session.folder.string())));
}

}  // namespace

void add_model_options(CLI::App& app, ModelArguments& arguments) {
  add_path_option(app, "-m,--model", "a diffusers folder (default: the shipped miniature)", "DIR", arguments.folder);
  add_text_option(app, "--device", "cpu or cuda[:N] (default: auto)", "NAME",
                  [&](const std::string& text) { arguments.device = text; });
  add_text_option(app, "--dtype", "fp32, bf16 or fp16 (default: fp32 on the CPU, bf16 on CUDA)", "NAME",
                  [&](const std::string& text) {
                    arguments.dtype = parse_choice("--dtype", text, {"fp32", "bf16", "fp16"});
                  });
  add_integer_option(app, "--threads", "CPU threads (default: all)", 1, 4096, arguments.threads);
  add_text_option(app, "--kernels", "auto or reference (default: auto)", "NAME", [&](const std::string& text) {
    arguments.kernels = parse_choice("--kernels", text, {"auto", "reference"});
  });
  add_text_option(app, "--prompt-clean",
                  "none, basic or ftfy-lite: what is done to a prompt's text (default: ftfy-lite)", "NAME",
                  [&](const std::string& text) { arguments.prompt_clean = to_string(parse_prompt_cleaning(text)); });
  app.add_flag("--no-verify", arguments.no_verify, "load files that differ from the folder's manifest.json");
}

LoadOptions load_options(const ModelArguments& arguments) {
  LoadOptions options;
  options.device = parse_device(arguments.device.value_or(at::hasCUDA() ? "cuda" : "cpu"));
  options.dtype = parse_dtype(arguments.dtype.value_or(options.device.is_cuda() ? "bf16" : "fp32"));
  options.verify_manifest = !arguments.no_verify;
  if (arguments.prompt_clean) options.prompt_cleaning = parse_prompt_cleaning(*arguments.prompt_clean);
  options.kernels = arguments.kernels == "reference" ? KernelMode::kReference : KernelMode::kAuto;
  return options;
}

Session open_session(const ModelArguments& arguments, Console& console) {
  const auto start = std::chrono::steady_clock::now();
  if (arguments.threads) at::set_num_threads(*arguments.threads);
  Session session;
  session.folder = arguments.folder.empty() ? shipped_model() : arguments.folder;
  session.load = load_options(arguments);
  require_manifest_to_ignore(session);
  session.threads = at::get_num_threads();
  session.model = load_model(session.folder, session.load);
  for (const std::string& warning : session.model->warnings()) console.warn(warning);
  session.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return session;
}

std::string dtype_name(c10::ScalarType dtype) {
  if (dtype == c10::kBFloat16) return "bf16";
  return dtype == c10::kHalf ? "fp16" : "fp32";
}

std::string kernels_name(KernelMode kernels) { return kernels == KernelMode::kReference ? "reference" : "auto"; }

}  // namespace ditto
