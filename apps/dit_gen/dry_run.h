#pragma once

#include "apps/common/job_source.h"
#include "apps/common/program.h"
#include "apps/dit_gen/job_run.h"

namespace ditto {

/// Prints what the first job would decide, and how long it would take and hold in memory, from a few steps and one
/// decode measured now; counts the other jobs. A job that the run would refuse is refused in the same words. Writes
/// nothing.
ExitCode dry_run(Program& program, const JobSettings& settings, JobSource& source);

}  // namespace ditto
