#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/common/arguments.h"
#include "apps/common/program.h"
#include "apps/dit_eval/codec_pass.h"
#include "apps/dit_eval/verbs.h"

namespace ditto {
namespace {

constexpr const char* kExamples = R"(Examples:
  dit-eval run eval/scenarios/policies-64.json -o results/policies-64    # interrupt and run again: it goes on
  dit-eval report results/policies-64                                    # the table, report.md and report.html
  dit-eval oracle eval/scenarios/policies-64.json -o results/policies-64 --compute 16,25,33   # then report again
  dit-eval compare full.mp4 cached.mp4 --metrics psnr,ssim,lpips-alex --json
  dit-eval metrics

Exit codes: 0 done, 1 internal error, 2 usage, 4 bad input file, 5 out of memory, 6 output could not be written,
130 interrupted.)";

/// "16,25,33" or "10-33", or both mixed.
std::vector<int> parse_counts(const std::string& option, const std::string& text) {
  std::vector<int> counts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t dash = part.find('-', 1);
    const int first = static_cast<int>(parse_integer(option, part.substr(0, dash), 1, 100'000));
    const std::int64_t last =
        dash == std::string::npos ? first : parse_integer(option, part.substr(dash + 1), first, 100'000);
    for (int count = first; count <= last; ++count) counts.push_back(count);
    begin = end + 1;
  }
  return counts;
}

struct CommandLine {
  RunArguments run;
  OracleArguments oracle;
  CompareArguments compare;
  std::filesystem::path reported;
  std::optional<std::filesystem::path> reported_oracle;
  bool json = false, quiet = false;
};

CLI::App* add_verb(CLI::App& app, CommandLine& line, const std::string& name, const std::string& help) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_flag("--json", line.json, "JSON on stdout");
  verb->add_flag("-q,--quiet", line.quiet, "nothing on stderr but errors");
  return verb;
}

void add_codec_option(CLI::App& verb, std::optional<double>& crf) {
  add_text_option(verb, "--through-codec", "also score what an mp4 leaves of both clips", "crf=N",
                  [&crf](const std::string& text) { crf = parse_crf("--through-codec", text); });
}

void add_oracle_verb(CLI::App& app, CommandLine& line) {
  CLI::App* oracle = add_verb(app, line, "oracle", "search the best schedules of a scenario's first prompts");
  oracle->add_option("SCENARIO", line.oracle.scenario, "a scenario file (JSON)")->required();
  add_path_option(*oracle, "-o,--output", "folder of the results; what is there is not run again", "DIR",
                  line.oracle.folder);
  add_text_option(*oracle, "--compute",
                  "numbers of computed steps, as in 10-33 or 16,25,33 (default: 12,16,20,25,33 of 50, in proportion)",
                  "LIST", [&line](const std::string& text) { line.oracle.computed = parse_counts("--compute", text); });
  add_text_option(*oracle, "--prompts", "how many prompts, from the first on (default 3)", "N",
                  [&line](const std::string& text) {
                    line.oracle.prompts = static_cast<int>(parse_integer("--prompts", text, 1, 1000));
                  });
  add_text_option(*oracle, "--beam", "runs kept for each number of computed steps (default 4)", "N",
                  [&line](const std::string& text) {
                    line.oracle.beam = static_cast<int>(parse_integer("--beam", text, 1, 100'000));
                  });
  add_text_option(*oracle, "--rounds", "passes that move one computed step by one (default 2)", "N",
                  [&line](const std::string& text) {
                    line.oracle.rounds = static_cast<int>(parse_integer("--rounds", text, 0, 1000));
                  });
}

void add_verbs(CLI::App& app, CommandLine& line) {
  CLI::App* run = add_verb(app, line, "run", "measure a scenario: policies x settings x prompts x seeds");
  run->add_option("SCENARIO", line.run.scenario, "a scenario file (JSON)")->required();
  add_path_option(*run, "-o,--output", "folder of the results; what is there is not run again", "DIR", line.run.folder);
  add_codec_option(*run, line.run.crf);
  add_path_option(*run, "--clips", "also score clips that another program made, listed in DIR/clips.jsonl", "DIR",
                  line.run.clips);
  CLI::App* report = add_verb(app, line, "report", "the table of a folder of results, and the report with its plots");
  report->add_option("DIR", line.reported, "a folder written by dit-eval run")->required();
  add_path_option(*report, "--oracle", "a file of dit-eval oracle (default: the folder's own, if there)", "FILE",
                  line.reported_oracle);
  add_oracle_verb(app, line);
  CLI::App* compare = add_verb(app, line, "compare", "score a clip against a reference");
  compare->add_option("REFERENCE", line.compare.reference, "a video, a folder of PNG frames, a PNG, or latents")
      ->required();
  compare->add_option("CANDIDATE", line.compare.candidate, "the same kind of thing")->required();
  compare
      ->add_option("--metrics", line.compare.metrics,
                   "names, separated by commas (default: psnr, ssim and lpips-alex as far as they are available)")
      ->delimiter(',')
      ->type_name("LIST");
  add_codec_option(*compare, line.compare.crf);
  compare->add_flag("--align", line.compare.align, "cut the longer clip, ignore the frame rate");
  add_verb(app, line, "metrics", "which metrics there are, and why some are not available");
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
  require_verb(app);
  program.console.set_json(line.json);
  program.console.set_quiet(line.quiet);
  program.interrupt.set_quiet(line.quiet);
  if (app.got_subcommand("run")) return run_scenario(program, line.run);
  if (app.got_subcommand("report")) return report_results(program, line.reported, line.reported_oracle);
  if (app.got_subcommand("oracle")) return search_oracle(program, line.oracle);
  if (app.got_subcommand("compare")) return compare_clips(program, line.compare);
  return list_metrics(program);
}

}  // namespace
}  // namespace ditto

int main(int argc, char** argv) {
  return ditto::run_program("dit-eval", [&](ditto::Program& program) { return ditto::run(program, argc, argv); });
}
