#pragma once

#include <functional>
#include <string>
#include <vector>

#include "end_to_end/program.h"
#include "end_to_end/scratch.h"

namespace ditto::test {

/// A row of the fault table: how to make the bad input in a folder, the arguments that meet it, and what comes of it.
struct Fault {
  int number;  ///< of the case in docs/robustness.md
  std::string name;
  std::function<Arguments(const fs::path& folder)> make;
  int exit_code;
  std::string text;  ///< what the one line holds; of a success, what stderr or stdout holds
  RunOptions options = {};
  /// What happens to the running program.
  std::function<void(Running& program, const fs::path& folder)> meanwhile = {};
};

std::vector<Fault> weight_file_faults();   ///< cases 1 to 17
std::vector<Fault> model_folder_faults();  ///< cases 18 to 26
std::vector<Fault> argument_faults();      ///< cases 33 to 39

}  // namespace ditto::test
