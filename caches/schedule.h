#pragma once

#include <memory>
#include <string>

#include "caches/registry.h"
#include "core/trace.h"

namespace ditto {

/// The policy of a schedule that is not in a file; `source` names it in messages.
std::unique_ptr<CachePolicy> make_schedule(Trace schedule, std::string source);

/// The policy of a recorded run's trace that is not in a file.
std::unique_ptr<CachePolicy> make_replay(Trace trace, std::string source);

/// Decisions from a planned schedule: a trace without scores, for any seed and prompt.
PolicyEntry schedule_entry();

/// Decisions from the trace of a run of the same model, steps and noise levels: equal seeds give equal bits.
PolicyEntry replay_entry();

}  // namespace ditto
