#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common/job_source.h"
#include "apps/common/program.h"
#include "apps/common/session.h"
#include "apps/dit_gen/comparison.h"
#include "apps/dit_gen/output_naming.h"

namespace ditto {

/// What all jobs of one command share.
struct JobSettings {
  const GenerateArguments& arguments;
  const Session& session;
  std::vector<PolicySpec> policies;
  std::string command;  ///< the command line, for people to repeat
};

/// Generates one clip, compares it when asked, writes its outputs and reports it. Throws Cancelled, Error, or whatever
/// ends a job; nothing is written then, or complete files only.
void run_job(Program& program, const JobSettings& settings, const Job& job, const JobOutputs& outputs);

}  // namespace ditto
