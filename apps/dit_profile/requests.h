#pragma once

#include <optional>
#include <vector>

#include "apps/common/job_source.h"
#include "apps/common/program.h"
#include "runtime/pipeline.h"

namespace ditto {

/// All requests of a prompts file. Throws Error(kBadInputFile) for the first line that is none and for a file without
/// any, and Cancelled when a signal came while the file, a pipe, was read. `settings` needs no stop token.
std::vector<Request> read_requests(Program& program, JobSourceSettings settings, Request base);

/// The first request for clips of another size, resolved; none when all have that one.
std::optional<ResolvedRequest> first_of_other_size(const VideoModel& model, const std::vector<Request>& requests,
                                                   int width, int height, int frames);

}  // namespace ditto
