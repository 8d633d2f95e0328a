#include "apps/dit_profile/verbs.h"

namespace ditto {

void VoiceFlags::add_to(CLI::App& command) {
  command.add_flag("--json", json, "JSON on stdout, one object a line");
  command.add_flag("-q,--quiet", quiet, "nothing on stderr but errors");
}

void VoiceFlags::apply_to(Console& console) const {
  console.set_json(json);
  console.set_quiet(quiet);
}

}  // namespace ditto
