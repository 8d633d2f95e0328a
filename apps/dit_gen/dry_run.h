#pragma once

#include <optional>
#include <vector>

#include "apps/common/job_source.h"
#include "apps/common/program.h"
#include "apps/common/session.h"
#include "caches/registry.h"

namespace ditto {

/// Prints what the first job would decide, and how long it would take and hold in memory, from a few steps and one
/// decode measured now; counts the other jobs. Writes nothing.
ExitCode dry_run(Program& program, const Session& session, const std::vector<PolicySpec>& policies,
                 std::optional<std::int64_t> cache_bytes, JobSource& source);

}  // namespace ditto
