#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/sampling_arguments.h"
#include "apps/dit_profile/profile_run.h"
#include "apps/dit_profile/profile_text.h"
#include "apps/dit_profile/requests.h"
#include "apps/dit_profile/verbs.h"
#include "core/printable.h"
#include "io/atomic_file.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr int kDefaultEdges = 2;
constexpr int kMaxCount = 1'000'000;

struct RunArguments {
  ModelArguments model;
  SamplingArguments sampling;
  fs::path prompts, output;
  std::string negative;
  std::optional<int> edges, max_skip;
  std::vector<std::string> only;
  bool overwrite = false;
  VoiceFlags voice;
};

[[noreturn]] void refuse(ExitCode code, const std::string& where, const std::string& what,
                         const std::string& accepted) {
  throw Error(code, fmt::format("{}: {}; accepted: {}", where, what, accepted));
}

void add_options(CLI::App& command, RunArguments& arguments) {
  add_model_options(command, arguments.model);
  add_path_option(command, "--prompts",
                  "one prompt a line, or a JSON object with prompt, negative, seed; # comments; each with every seed",
                  "FILE", arguments.prompts)
      ->required();
  add_path_option(command, "-o,--output", "NAME.json and NAME.safetensors are written", "NAME", arguments.output)
      ->required();
  command.add_option("-n,--negative", arguments.negative, "what to avoid (default \"\")")->type_name("TEXT");
  add_sampling_options(command, arguments.sampling);
  add_integer_option(command, "--edges", "measure edges on the first N prompts: some 145 runs each with 50 steps (2)",
                     0, kMaxCount, arguments.edges);
  add_integer_option(command, "--max-skip", "longest edge (default: 8, and a sixth of the steps below 40)", 2,
                     kMaxCount, arguments.max_skip);
  std::string groups;
  for (const ArrayGroupEntry& entry : array_groups()) groups += fmt::format("\n  {}: {}", entry.name, entry.help);
  command.add_option("--only", arguments.only, "measure these alone, as in gram,edges:" + groups)
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("-y,--overwrite", arguments.overwrite, "replace an existing profile, and unfinished other work");
  arguments.voice.add_to(command);
}

ArrayGroups requested_groups(const RunArguments& arguments) {
  if (arguments.only.empty()) return all_array_groups();
  ArrayGroups groups;
  for (const std::string& name : arguments.only) groups.insert(array_group_from_name("--only", name));
  return groups;
}

/// The prompts file and the profile are different files, and the profile can be written.
void check_files(const RunArguments& arguments) {
  if (!arguments.output.has_filename()) refuse(ExitCode::kUsage, "--output", "names a folder", "a name for two files");
  for (const fs::path& file : Profile::files(arguments.output)) {
    require_writable_target(file, arguments.overwrite);
    std::error_code ignored;
    if (fs::equivalent(file, arguments.prompts, ignored)) {
      refuse(ExitCode::kUsage, "--output", fmt::format("{} is the prompts file", printable(file.string())),
             "another name");
    }
  }
}

std::vector<Request> requests_of(Program& program, const RunArguments& arguments) {
  Request base;
  base.negative = arguments.negative;
  arguments.sampling.apply_to(base);
  return read_requests(program, {.prompts = arguments.prompts, .seeds = arguments.sampling.seeds}, base);
}

/// A profile is of one size: lines may not have their own.
void check_sizes(const RunArguments& arguments, const VideoModel& model, const std::vector<Request>& requests) {
  const ResolvedRequest first = resolve_with_effect(model, requests.front());
  const auto other = first_of_other_size(model, requests, first.width, first.height, first.frames);
  if (!other) return;
  refuse(ExitCode::kBadInputFile, printable(arguments.prompts.string()),
         fmt::format("its prompts have different sizes ({}x{}x{}, {}x{}x{})", first.width, first.height, first.frames,
                     other->width, other->height, other->frames),
         "one size for all, as --size and --frames set it");
}

/// Options about edges that could not take effect, as far as the number of prompts tells.
void check_edge_options(const RunArguments& arguments, const ArrayGroups& groups, std::size_t requests) {
  if (!groups.contains(ArrayGroup::kEdges)) {
    if (arguments.edges) refuse(ExitCode::kUsage, "--edges", "has no effect with --only", "--only with edges");
    if (arguments.max_skip) refuse(ExitCode::kUsage, "--max-skip", "has no effect without edges", "--only with edges");
    return;
  }
  const auto edges = static_cast<std::size_t>(arguments.edges.value_or(1));
  if (edges > requests) {
    refuse(ExitCode::kUsage, "--edges", fmt::format("{} is more than there are prompts", edges),
           fmt::format("0 to {}", requests));
  }
  if (edges > 0) return;
  if (arguments.max_skip) refuse(ExitCode::kUsage, "--max-skip", "has no effect without edges", "--edges 1 or more");
  if (groups.size() == 1) refuse(ExitCode::kUsage, "--edges", "0 leaves nothing to measure", "1 or more");
}

/// Of how many prompts edges are measured.
int edge_runs(const RunArguments& arguments, const ArrayGroups& groups, std::size_t requests, int steps) {
  if (!groups.contains(ArrayGroup::kEdges) || arguments.edges == 0) return 0;
  constexpr int kFewestSteps = 3;
  if (steps >= kFewestSteps) {
    return arguments.edges.value_or(static_cast<int>(std::min<std::size_t>(kDefaultEdges, requests)));
  }
  if (arguments.edges || arguments.max_skip || !arguments.only.empty()) {
    refuse(ExitCode::kUsage, "--steps", fmt::format("{} have no step between two computed ones", steps),
           "3 or more with edges");
  }
  return 0;
}

/// LeMiCa's released schedules skip at most 7 of 50 steps, 3 of 10.
int longest_edge(const RunArguments& arguments, int steps) {
  constexpr int kLongest = 8, kManySteps = 40;
  if (!arguments.max_skip)
    return steps >= kManySteps ? kLongest : std::max(2, static_cast<int>(std::lround(steps / 6.0)));
  if (*arguments.max_skip >= steps) {
    refuse(ExitCode::kUsage, "--max-skip", fmt::format("{} is beyond the last step", *arguments.max_skip),
           fmt::format("2 to {}", steps - 1));
  }
  return *arguments.max_skip;
}

ExitCode run(Program& program, const RunArguments& arguments) {
  arguments.voice.apply_to(program.console);
  const ArrayGroups groups = requested_groups(arguments);
  check_files(arguments);
  std::vector<Request> requests = requests_of(program, arguments);
  check_edge_options(arguments, groups, requests.size());
  const Session session = open_session(arguments.model, program.console);
  check_sizes(arguments, *session.model, requests);
  const int steps = resolve(*session.model, requests.front()).steps;
  const int edges = edge_runs(arguments, groups, requests.size(), steps);
  const int max_skip = edges > 0 ? longest_edge(arguments, steps) : 0;
  const Profile profile = measure_profile(program, {.session = session,
                                                    .requests = std::move(requests),
                                                    .groups = groups,
                                                    .edge_runs = edges,
                                                    .max_skip = max_skip,
                                                    .output = arguments.output,
                                                    .overwrite = arguments.overwrite});
  report_written(program, profile, arguments.output);
  return ExitCode::kDone;
}

}  // namespace

Verb run_verb(CLI::App& app) {
  CLI::App* command = app.add_subcommand("run", "measure the full model over a prompts file");
  const auto arguments = std::make_shared<RunArguments>();
  add_options(*command, *arguments);
  return {command, [arguments](Program& program) { return run(program, *arguments); }};
}

}  // namespace ditto
