// dit-bench: how fast is it here? Ratios of interleaved repetitions in one run, never a bare absolute number.

#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/common/arguments.h"
#include "apps/common/program.h"
#include "apps/dit_bench/verbs.h"

namespace ditto {
namespace {

constexpr const char* kExamples = R"(Examples:
  dit-bench full --size 128x128                          # dtypes and kernels against one another, and where a clip's time goes
  dit-bench policies                                     # every policy, reusing nothing and half of the units
  dit-bench policies easycache:threshold=0.05 --json     # one setting
  dit-bench kernels --threads 2                          # each fused operation against its unfused form and a copy
)";

struct CommandLine {
  FullArguments full;
  PoliciesArguments policies;
  KernelsArguments kernels;
  bool json = false;
};

/// The options that all verbs have.
void add_common_options(CLI::App& verb, CommandLine& line, int& repetitions, int& threads) {
  verb.add_option("--repetitions", repetitions, "interleaved repetitions")->check(CLI::Range(1, 1000));
  verb.add_option("--threads", threads, "threads")->check(CLI::Range(1, 1024));
  verb.add_flag("--json", line.json, "one JSON object per line");
}

/// The options of the verbs that make clips.
void add_clip_options(CLI::App& verb, ClipArguments& clip) {
  add_path_option(verb, "-m,--model", "a diffusers folder (default: the shipped miniature)", "DIR", clip.model);
  add_text_option(verb, "--size", "pixels (default: the model's own)", "WxH",
                  [&clip](const std::string& text) { clip.size = parse_size("--size", text); });
  verb.add_option("--frames", clip.frames, "frames, 4k+1 (default: the model's own)")->check(CLI::Range(1, 100000));
  verb.add_option("--steps", clip.steps, "denoising steps of a run")->check(CLI::Range(1, 1000));
}

void add_verbs(CLI::App& app, CommandLine& line) {
  CLI::App* full = app.add_subcommand("full", "full compute: dtypes and kernels against one another, and its phases");
  add_clip_options(*full, line.full.clip);
  add_common_options(*full, line, line.full.repetitions, line.full.threads);
  CLI::App* policies = app.add_subcommand(
      "policies", "what each policy costs when it reuses nothing, and when it reuses half of the units");
  policies->add_option("settings", line.policies.settings, "settings to measure (default: two of every policy)");
  add_clip_options(*policies, line.policies.clip);
  policies->add_option("--dtype", line.policies.dtype, "fp32 or bf16")->check(CLI::IsMember({"fp32", "bf16"}));
  add_common_options(*policies, line, line.policies.repetitions, line.policies.threads);
  CLI::App* kernels = app.add_subcommand("kernels", "each fused operation against its unfused form and a copy");
  add_common_options(*kernels, line, line.kernels.repetitions, line.kernels.threads);
}

ExitCode run(Program& program, int argc, char** argv) {
  CLI::App app("Ratios of interleaved repetitions on this machine.", "dit-bench");
  app.footer(kExamples);
  app.set_version_flag("--version", DITTO_VERSION);
  CommandLine line;
  add_verbs(app, line);
  if (const auto text = parse_command_line(app, argc, argv)) {
    program.console.result(*text);
    return ExitCode::kDone;
  }
  require_verb(app);
  program.console.set_json(line.json);
  line.full.stop = line.policies.stop = line.kernels.stop = program.interrupt.token();
  if (app.got_subcommand("full")) return bench_full(program, line.full);
  if (app.got_subcommand("kernels")) return bench_kernels(program, line.kernels);
  return bench_policies(program, line.policies);
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  return ditto::run_program("dit-bench", [&](ditto::Program& program) { return ditto::run(program, argc, argv); });
}
