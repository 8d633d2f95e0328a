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

struct CommandLine {
  PoliciesArguments policies;
  KernelsArguments kernels;
  bool json = false;
};

void add_verbs(CLI::App& app, CommandLine& line) {
  CLI::App* policies = app.add_subcommand("policies", "what each policy costs when it reuses nothing, and when it reuses half of the units");
  policies->add_option("settings", line.policies.settings, "settings to measure (default: one of every policy)");
  policies->add_option("-m,--model", line.policies.model, "a diffusers folder (default: the shipped miniature)");
  policies->add_option("--dtype", line.policies.dtype, "fp32 or bf16")->check(CLI::IsMember({"fp32", "bf16"}));
  policies->add_option("--repetitions", line.policies.repetitions, "pairs of runs per policy")
      ->check(CLI::Range(1, 1000));
  policies->add_option("--steps", line.policies.steps, "denoising steps of a run")->check(CLI::Range(1, 1000));
  policies->add_option("--threads", line.policies.threads, "threads")->check(CLI::Range(1, 1024));
  policies->add_flag("--json", line.json, "one JSON object per line");
  CLI::App* kernels = app.add_subcommand("kernels", "each fused operation against its unfused form and a copy");
  kernels->add_option("--repetitions", line.kernels.repetitions, "interleaved repetitions")->check(CLI::Range(1, 1000));
  kernels->add_option("--threads", line.kernels.threads, "threads")->check(CLI::Range(1, 1024));
  kernels->add_flag("--json", line.json, "one JSON object per line");
  app.require_subcommand(1);
}

ExitCode run(Program& program, int argc, char** argv) {
  CLI::App app("Ratios of interleaved repetitions on this machine.", "dit-bench");
  app.set_version_flag("--version", DITTO_VERSION);
  CommandLine line;
  add_verbs(app, line);
  if (const auto text = parse_command_line(app, argc, argv)) {
    program.console.result(*text);
    return ExitCode::kDone;
  }
  program.console.set_json(line.json);
  if (app.got_subcommand("kernels")) return bench_kernels(program, line.kernels);
  return bench_policies(program, line.policies);
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  return ditto::run_program("dit-bench", [&](ditto::Program& program) { return ditto::run(program, argc, argv); });
}
