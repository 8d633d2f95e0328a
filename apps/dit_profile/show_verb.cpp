#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "apps/dit_profile/profile_text.h"
#include "apps/dit_profile/verbs.h"

namespace ditto {

Verb show_verb(CLI::App& app) {
  struct Arguments {
    std::string name;
    VoiceFlags voice;
  };
  CLI::App* command = app.add_subcommand("show", "what a profile says: settings, curves, goodness of fit, arrays");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("NAME", arguments->name, "a profile")->required();
  arguments->voice.add_to(*command);
  return {command, [arguments](Program& program) {
            arguments->voice.apply_to(program.console);
            const Profile profile = Profile::read(arguments->name);
            program.console.event(profile_facts(profile));
            program.console.result(profile_text(profile));
            return ExitCode::kDone;
          }};
}

}  // namespace ditto
