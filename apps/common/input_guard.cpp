#include "apps/common/input_guard.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

bool is_within(const fs::path& path, const fs::path& folder) {
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(path, ignored);
  const fs::path base = fs::weakly_canonical(folder, ignored);
  return std::ranges::mismatch(base, whole).in1 == base.end();
}

}  // namespace

void refuse_input_as_output(const fs::path& output, const std::vector<fs::path>& inputs) {
  std::error_code ignored;
  if (!fs::exists(output, ignored)) return;
  for (const fs::path& input : inputs) {
    const bool same =
        fs::equivalent(output, input, ignored) || (fs::is_directory(input, ignored) && is_within(output, input));
    if (!same) continue;
    throw Error(ExitCode::kUsage, fmt::format("{}: is read by this run ({}); accepted: an output that is no input",
                                              printable(output.string()), printable(input.string())));
  }
}

}  // namespace ditto
