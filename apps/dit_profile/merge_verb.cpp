#include <memory>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "apps/common/arguments.h"
#include "apps/dit_profile/profile_text.h"
#include "apps/dit_profile/verbs.h"
#include "caches/profiling/combine.h"
#include "core/printable.h"
#include "io/atomic_file.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

struct MergeArguments {
  std::vector<std::string> profiles;
  fs::path output;
  bool overwrite = false;
  VoiceFlags voice;
};

ExitCode merge(Program& program, const MergeArguments& arguments) {
  arguments.voice.apply_to(program.console);
  const fs::path description = Profile::files(arguments.output).front();
  std::vector<Profile> profiles;
  for (const fs::path& file : Profile::files(arguments.output)) require_writable_target(file, arguments.overwrite);
  for (const std::string& name : arguments.profiles) {
    std::error_code ignored;
    if (fs::equivalent(Profile::files(name).front(), description, ignored)) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--output: is the profile {}; accepted: another name", printable(name)));
    }
    for (const Profile& other : profiles) {
      if (fs::equivalent(Profile::files(name).front(), other.path, ignored)) {
        throw Error(ExitCode::kUsage, fmt::format("{}: is there twice; accepted: each profile once", printable(name)));
      }
    }
    profiles.push_back(Profile::read(name));
  }
  Profile merged = combine(profiles);
  merged.path = description;
  program.interrupt.watch_folder(description.parent_path());
  merged.write(arguments.output);
  report_written(program, merged, arguments.output);
  return ExitCode::kDone;
}

}  // namespace

Verb merge_verb(CLI::App& app) {
  CLI::App* command = app.add_subcommand("merge", "one profile of the runs of several, of the same model and settings");
  const auto arguments = std::make_shared<MergeArguments>();
  command->add_option("NAME", arguments->profiles, "profiles")->required()->expected(2, -1);
  add_path_option(*command, "-o,--output", "NAME.json and NAME.safetensors are written", "NAME", arguments->output)
      ->required();
  command->add_flag("-y,--overwrite", arguments->overwrite, "replace an existing profile");
  arguments->voice.add_to(*command);
  return {command, [arguments](Program& program) { return merge(program, *arguments); }};
}

}  // namespace ditto
