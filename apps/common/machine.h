#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "apps/common/console.h"

namespace ditto {

/// Name of the processor.
std::string cpu_name();

/// The commit that the programs were built from, with "-dirty" where the tree had changes.
std::string ditto_commit();

/// What figures depend on: processor, threads, BLAS, LibTorch, version and commit of Ditto.
nlohmann::ordered_json describe_machine();

/// The same as a note for people and an event "machine" for programs.
void announce_machine(Console& console);

}  // namespace ditto
