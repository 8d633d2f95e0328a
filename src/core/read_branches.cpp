#include "core/read_branches.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/printable.h"

namespace ditto {

std::span<const std::string> branch_names() {
  static const std::array<std::string, 2> kNames = {"conditional", "unconditional"};
  return kNames;
}

std::vector<Branch> read_branches(JsonReader& reader) {
  std::vector<Branch> branches;
  for (const std::string& name : reader.texts("branches", std::vector<std::string>{})) {
    if (std::ranges::find(branch_names(), name) == branch_names().end()) {
      reader.fail("branches", fmt::format("unknown branch '{}'", printable(name)), "conditional, unconditional");
    }
    branches.push_back(branch_from_name(name));
    if (std::ranges::count(branches, branches.back()) > 1) {
      reader.fail("branches", fmt::format("'{}' is there twice", name), "each branch once");
    }
  }
  return branches;
}

}  // namespace ditto
