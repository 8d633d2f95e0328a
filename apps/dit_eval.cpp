#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/common/arguments.h"
#include "apps/common/program.h"
#include "apps/dit_eval/verbs.h"

namespace ditto {
namespace {

constexpr const char* kExamples = R"(Examples:
  dit-eval run eval/scenarios/policies-64.json -o results/policies-64    # interrupt and run again: it goes on
  dit-eval report results/policies-64                                    # the table, report.md and report.html
  dit-eval compare full.mp4 cached.mp4 --metrics psnr,ssim,lpips-alex --json
  dit-eval metrics

Exit codes: 0 done, 1 internal error, 2 usage, 4 bad input file, 5 out of memory, 6 output could not be written,
130 interrupted.)";

struct CommandLine {
  RunArguments run;
  CompareArguments compare;
  std::filesystem::path reported;
  bool json = false, quiet = false;
};

CLI::App* add_verb(CLI::App& app, CommandLine& line, const std::string& name, const std::string& help) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_flag("--json", line.json, "JSON on stdout");
  verb->add_flag("-q,--quiet", line.quiet, "nothing on stderr but errors");
  return verb;
}

void add_verbs(CLI::App& app, CommandLine& line) {
  CLI::App* run = add_verb(app, line, "run", "measure a scenario: policies x settings x prompts x seeds");
  run->add_option("SCENARIO", line.run.scenario, "a scenario file (JSON)")->required();
  add_path_option(*run, "-o,--output", "folder of the results; what is there is not run again", "DIR", line.run.folder);
  CLI::App* report = add_verb(app, line, "report", "the table of a folder of results, and the report with its plots");
  report->add_option("DIR", line.reported, "a folder written by dit-eval run")->required();
  CLI::App* compare = add_verb(app, line, "compare", "score a clip against a reference");
  compare->add_option("REFERENCE", line.compare.reference, "a video, a folder of PNG frames, a PNG, or latents")
      ->required();
  compare->add_option("CANDIDATE", line.compare.candidate, "the same kind of thing")->required();
  compare
      ->add_option("--metrics", line.compare.metrics,
                   "names, separated by commas (default: psnr, ssim and lpips-alex as far as they are available)")
      ->delimiter(',')
      ->type_name("LIST");
  add_text_option(*compare, "--through-codec", "also score what an mp4 leaves of both clips", "crf=N",
                  [&](const std::string& text) {
                    const std::string number = text.starts_with("crf=") ? text.substr(4) : text;
                    line.compare.crf = parse_number("--through-codec", number, 0, 51);
                  });
  compare->add_flag("--align", line.compare.align, "cut the longer clip, ignore the frame rate");
  add_verb(app, line, "metrics", "which metrics there are, and why some are not available");
  app.require_subcommand(1);
}

ExitCode run(Program& program, int argc, char** argv) {
  CLI::App app("Measures what a speed-up cost in quality.", "dit-eval");
  app.footer(kExamples);
  app.set_version_flag("--version", DITTO_VERSION);
  CommandLine line;
  add_verbs(app, line);
  if (const auto text = parse_command_line(app, argc, argv)) {
    program.console.result(*text);
    return ExitCode::kDone;
  }
  program.console.set_json(line.json);
  program.console.set_quiet(line.quiet);
  if (app.got_subcommand("run")) return run_scenario(program, line.run);
  if (app.got_subcommand("report")) return report_results(program, line.reported);
  if (app.got_subcommand("compare")) return compare_clips(program, line.compare);
  return list_metrics(program);
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  return ditto::run_program("dit-eval", [&](ditto::Program& program) { return ditto::run(program, argc, argv); });
}
