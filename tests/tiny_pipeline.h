#pragma once

#include <string>
#include <vector>

#include "models/registry.h"
#include "test_paths.h"
#include "toy_support.h"

namespace ditto::test {

/// One short clip of the smallest Wan folder, without decoding; the specifications are those of --cache.
inline Result run_tiny_pipeline(const LoadOptions& options, const std::vector<std::string>& specifications) {
  Request request;
  request.prompt = "a red circle";
  request.width = 48;
  request.height = 32;
  request.frames = 5;
  request.steps = 6;
  request.guidance = 5;
  return run_toy(*load_model(data_path("wan/tiny-pipeline"), options), request, specifications);
}

}  // namespace ditto::test
