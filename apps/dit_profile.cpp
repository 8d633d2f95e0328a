#include <algorithm>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/common/arguments.h"
#include "apps/common/program.h"
#include "apps/dit_profile/verbs.h"

namespace ditto {
namespace {

constexpr const char* kExamples = R"(Examples:
  dit-profile run --prompts prompts.txt -o wan-mini-64                       # wan-mini-64.json, wan-mini-64.safetensors
  dit-profile run --prompts prompts.txt --size 128x128 --edges 0 -o wan-mini-128
  dit-profile run --prompts more.txt --only gram,residual -o more
  dit-profile plan wan-mini-64 --policy lemica --compute 20 -o schedule.jsonl
  dit-profile plan wan-mini-64 --policy jumps --compute 20 --prompts held-out.txt -o jumps.jsonl
  dit-profile merge wan-mini-64 more-64 -o all-64
  dit-profile show wan-mini-64

A profile is measured on the full model, for one model, number of steps, solver, shift, guidance and size, and serves every
method and planner; docs/profiles.md describes its arrays.

Exit codes: 0 done, 1 internal error, 2 usage, 4 bad input file, 5 out of memory, 6 output could not be written, 130
interrupted (finished prompts are kept: the same command goes on).)";

ExitCode run(Program& program, int argc, char** argv) {
  CLI::App app("Measures what a diffusion transformer lets us skip.", "dit-profile");
  app.footer(kExamples);
  app.set_version_flag("--version", DITTO_VERSION);
  const std::vector<Verb> verbs = {run_verb(app), plan_verb(app), merge_verb(app), show_verb(app)};
  if (const auto text = parse_command_line(app, argc, argv)) {
    program.console.result(*text);
    return ExitCode::kDone;
  }
  require_verb(app);
  return std::ranges::find_if(verbs, [](const Verb& verb) { return verb.command->parsed(); })->run(program);
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  return ditto::run_program("dit-profile", [&](ditto::Program& program) { return ditto::run(program, argc, argv); });
}
