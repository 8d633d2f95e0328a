#include "apps/dit_profile/requests.h"

#include <utility>
#include <variant>

#include "core/error.h"

namespace ditto {

std::vector<Request> read_requests(Program& program, JobSourceSettings settings, Request base) {
  settings.stop = program.interrupt.token();
  const std::filesystem::path prompts = settings.prompts.value();
  JobSource source(std::move(settings), std::move(base));
  std::vector<Request> requests;
  while (const auto next = source.next()) {
    if (program.interrupt.requested()) throw Cancelled();
    if (const auto* line = std::get_if<BadLine>(&*next)) throw Error(ExitCode::kBadInputFile, line->message);
    requests.push_back(std::get<Job>(*next).request);
  }
  if (source.stopped()) throw Cancelled();
  if (requests.empty()) refuse_no_prompts(prompts);
  warn_without_effect(source, program.console);
  return requests;
}

std::optional<ResolvedRequest> first_of_other_size(const VideoModel& model, const std::vector<Request>& requests,
                                                   int width, int height, int frames) {
  for (const Request& request : requests) {
    ResolvedRequest resolved = resolve_with_effect(model, request);
    if (resolved.width != width || resolved.height != height || resolved.frames != frames) return resolved;
  }
  return std::nullopt;
}

}  // namespace ditto
