#include "apps/dit_eval/run_details.h"

#include <fmt/format.h>

#include "apps/common/shell_quote.h"
#include "core/printable.h"
#include "io/sha256.h"

namespace ditto {
namespace {

constexpr std::size_t kCommandBytes = 1 << 20;

}  // namespace

std::filesystem::path detail_stem(const std::filesystem::path& folder, const EvaluationRecord& record) {
  return folder / "details" / sha256(record.key());
}

std::string run_command(const Scenario& scenario, const Request& request,
                        const std::vector<std::string>& specifications) {
  std::vector<std::string> words = {"dit-gen"};
  const auto add = [&](const char* option, const std::string& value) { words.insert(words.end(), {option, value}); };
  if (!scenario.model.empty()) add("-m", scenario.model.string());
  add("-p", request.prompt);
  add("-s", std::to_string(request.seed));
  if (request.width && request.height) add("--size", fmt::format("{}x{}", *request.width, *request.height));
  if (request.frames) add("--frames", std::to_string(*request.frames));
  if (request.steps) add("--steps", std::to_string(*request.steps));
  if (request.guidance) add("--guidance", fmt::format("{}", *request.guidance));
  if (request.shift) add("--shift", fmt::format("{}", *request.shift));
  if (request.solver) add("--solver", *request.solver);
  add("--device", scenario.device);
  add("--dtype", scenario.dtype);
  add("--threads", std::to_string(scenario.threads));
  for (const std::string& specification : specifications) add("--cache", specification);
  words.insert(words.end(), {"--compare", "--report", "report", "-o", "clip.mp4"});
  return printable(shell_quoted(words), kCommandBytes);
}

}  // namespace ditto
