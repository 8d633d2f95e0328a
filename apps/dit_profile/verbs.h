#pragma once

#include <functional>

#include <CLI/App.hpp>

#include "apps/common/program.h"

namespace ditto {

/// A word of the command line with options of its own, and what it does once these are parsed.
struct Verb {
  CLI::App* command = nullptr;
  std::function<ExitCode(Program&)> run;
};

/// `run`: measures the full model over a prompts file, and writes a profile.
Verb run_verb(CLI::App& app);

/// `plan`: a schedule from a profile. With prompts the schedule is run: a closed loop chooses among the planner's
/// candidates and measures.
Verb plan_verb(CLI::App& app);

/// `merge`: one profile of the runs of several.
Verb merge_verb(CLI::App& app);

/// `show`: what a profile says, in a screen.
Verb show_verb(CLI::App& app);

/// `--json` and `--quiet`, which every verb has.
struct VoiceFlags {
  bool json = false, quiet = false;

  void add_to(CLI::App& command);
  void apply_to(Console& console) const;
};

}  // namespace ditto
