#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/common/program.h"
#include "apps/common/shell_quote.h"
#include "apps/dit_gen/generate_arguments.h"
#include "apps/dit_gen/verbs.h"

namespace ditto {
namespace {

constexpr const char* kExamples = R"(Examples:
  dit-gen -p "a small red circle moving left on a white background" -o out.mp4
  dit-gen -p "..." --cache taylorseer:interval=3 --compare --contact-sheet sheet.png -o out.mp4
  dit-gen -p "..." -s 1,2,3 -o clip.mp4               # clip-1.mp4, clip-2.mp4, clip-3.mp4
  dit-gen --prompts prompts.txt -o 'clips/{name}-{seed}.mp4' --json
  dit-gen -m Wan2.1-T2V-1.3B-Diffusers -p "..." --size 832x480 --frames 81 --dtype bf16 -o out.mp4
  dit-gen -p "..." --cache easycache --dry-run

Several jobs (several seeds, or --prompts): a path that holds {seed} or {name} is a pattern; otherwise clip.mp4 becomes
clip-<seed>.mp4 (clip-<name>-<seed>.mp4 with --prompts), and a folder holds one entry per job. <name> is the line's
"name", or its number. Existing files are kept unless -y is given.

The mp4's comment holds the prompt, the options and the decisions; `dit-gen inspect` shows them, --no-metadata leaves
them out.

Exit codes: 0 done, 1 internal error, 2 usage, 3 some jobs failed, 4 bad input file, 5 out of memory, 6 output could not
be written, 130 interrupted.)";

struct CommandLine {
  GenerateArguments generate;
  ReproduceArguments reproduce;
  std::string inspected, policy;
  bool json = false;
};

CLI::App* add_verb(CLI::App& app, CommandLine& line, const std::string& name, const std::string& help) {
  CLI::App* verb = app.add_subcommand(name, help)->group("Verbs");
  verb->add_flag("--json", line.json, "JSON on stdout");
  return verb;
}

/// What `reproduce` takes from the clip where it is not told otherwise.
void describe_recorded_defaults(CLI::App& verb) {
  for (const char* name : {"--device", "--dtype", "--threads", "--kernels", "--prompt-clean"}) {
    CLI::Option* option = verb.get_option(name);
    const std::string text = option->get_description();
    option->description(text.substr(0, text.find(" (default")) + " (default: as recorded)");
  }
}

void add_verbs(CLI::App& app, CommandLine& line) {
  CLI::App* inspect = add_verb(app, line, "inspect", "what a file or folder is, in a screen");
  inspect->add_option("FILE", line.inspected, "an mp4, a model folder, safetensors, a profile, a trace or a schedule")
      ->required();
  CLI::App* reproduce = add_verb(app, line, "reproduce", "run again from an mp4's metadata and compare the frame hash");
  reproduce->add_option("FILE", line.reproduce.file, "an mp4 written by dit-gen")->required();
  add_model_options(*reproduce, line.reproduce.model);
  describe_recorded_defaults(*reproduce);
  reproduce->add_option("--noise", line.reproduce.noise, "the initial latent, when the run was given one")
      ->type_name("FILE");
  reproduce->add_flag("-q,--quiet", line.generate.quiet, "nothing on stderr but errors");
  CLI::App* policies = add_verb(app, line, "policies", "the cache policies, or the options of one");
  policies->add_option("NAME", line.policy, "a policy");
  add_verb(app, line, "doctor", "versions, devices, threads, BLAS, encoders, weights found");
}

/// The command line, for people to repeat: seeds that were drawn are named.
std::string repeatable(const GenerateArguments& arguments, int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  for (std::string& word : words) {
    const std::size_t drawn = word.find("random:");
    const std::string_view before = std::string_view(word).substr(0, drawn);
    const bool of_seeds = drawn == 0 ? &word != words.data() && ((&word)[-1] == "-s" || (&word)[-1] == "--seed")
                                     : before == "-s" || before == "-s=" || before == "--seed=";
    if (drawn != std::string::npos && of_seeds) {
      word.replace(drawn, std::string::npos, fmt::format("{}", fmt::join(arguments.sampling.seeds, ",")));
    }
  }
  return shell_quoted(words);
}

/// `dit-gen -p TEXT inspect FILE`: one of the two would be ignored.
void refuse_options_of_default_verb(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0) continue;
    throw Error(ExitCode::kUsage,
                fmt::format("{}: has no effect with the verb '{}'; accepted: the verb's own options, after it",
                            option->get_name(), app.get_subcommands().front()->get_name()));
  }
}

ExitCode run(Program& program, int argc, char** argv) {
  CLI::App app("Generates videos with a diffusion transformer, reusing what hardly changes between steps.", "dit-gen");
  app.footer(kExamples);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  app.set_version_flag("--version", DITTO_VERSION);
  CommandLine line;
  add_generate_options(app, line.generate);
  add_verbs(app, line);
  if (const auto text = parse_command_line(app, argc, argv)) {
    program.console.result(*text);
    return ExitCode::kDone;
  }
  if (!app.get_subcommands().empty()) refuse_options_of_default_verb(app);
  program.console.set_json(line.json || line.generate.json);
  program.console.set_quiet(line.generate.quiet);
  program.interrupt.set_quiet(line.generate.quiet);
  if (app.got_subcommand("inspect")) return inspect(program, line.inspected);
  if (app.got_subcommand("reproduce")) return reproduce(program, line.reproduce);
  if (app.got_subcommand("policies")) {
    return list_policies(program, line.policy.empty() ? std::nullopt : std::optional(line.policy));
  }
  if (app.got_subcommand("doctor")) return examine(program);
  return generate_clips(program, line.generate, repeatable(line.generate, argc, argv));
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  const int code =
      ditto::run_program("dit-gen", [&](ditto::Program& program) { return ditto::run(program, argc, argv); });
  // Every output is written by now, and taking the registries of LibTorch apart takes time.
  std::_Exit(code);
}
