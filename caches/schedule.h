#pragma once

#include "caches/registry.h"

namespace ditto {

/// Decisions from a planned schedule: a trace without scores, for any seed and prompt.
PolicyEntry schedule_entry();

/// Decisions from the trace of a run of the same model, steps and noise levels: equal seeds give equal bits.
PolicyEntry replay_entry();

}  // namespace ditto
