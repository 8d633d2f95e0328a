#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace ditto {

/// Name of the processor.
std::string cpu_name();

/// What figures depend on: processor, threads, BLAS, LibTorch, version and commit of Ditto.
nlohmann::ordered_json describe_machine();

}  // namespace ditto
