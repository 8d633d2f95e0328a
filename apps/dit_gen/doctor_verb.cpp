#include <cstdlib>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/common/machine.h"
#include "apps/common/report_text.h"
#include "apps/dit_gen/verbs.h"
#include "eval/metrics/registry.h"
#include "io/manifest.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/linear.h"
#include "models/registry.h"

namespace ditto {
namespace {

using Json = nlohmann::ordered_json;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "not set" : value;
}

std::vector<std::string> encoders() {
  std::vector<std::string> found;
  for (const char* name : {"libx264", "libopenh264", "mpeg4"}) {
    if (avcodec_find_encoder_by_name(name) != nullptr) found.emplace_back(name);
  }
  return found;
}

Json available_metrics() {
  Json names = Json::array();
  for (const MetricEntry& metric : metrics()) {
    if (!metric.unavailable()) names.push_back(metric.name);
  }
  return names;
}

Json describe_shipped_model() {
  const std::filesystem::path folder = shipped_model();
  Json facts = {{"folder", folder.string()}};
  try {
    verify_manifest(folder);
    facts["weight_hash"] = weight_hash(folder);
    facts["manifest"] = "verified";
  } catch (const Error& error) {
    facts["problem"] = error.what();
  }
  return facts;
}

}  // namespace

ExitCode examine(Program& program) {
  const auto memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  Json facts = describe_machine();
  facts.update({{"memory_gib", std::round(memory / 0x1p30 * 10) / 10},
                {"OMP_NUM_THREADS", environment("OMP_NUM_THREADS")},
                {"OMP_WAIT_POLICY", environment("OMP_WAIT_POLICY")},
                {"cuda_devices", at::hasCUDA() ? static_cast<int>(at::getNumGPUs()) : 0},
                {"kernels", kernels::cpu_kernels().target},
                {"linear_layers",
                 {{"fp32", kernels::backend_name(kernels::linear_backend(at::kFloat))},
                  {"bf16", kernels::backend_name(kernels::linear_backend(at::kBFloat16))}}},
                {"video_encoders", encoders()},
                {"model_families", model_families()},
                {"shipped_model", describe_shipped_model()},
                {"metrics", available_metrics()}});
  std::string text = render_report(facts);
  text.pop_back();
  program.console.event(facts);
  program.console.result(text);
  if (environment("OMP_WAIT_POLICY") == "not set" && at::get_num_threads() > 1) {
    program.console.note("advice: on a busy machine set OMP_WAIT_POLICY=passive; idle OpenMP threads spin otherwise");
  }
  return facts["shipped_model"].contains("problem") ? ExitCode::kBadInputFile : ExitCode::kDone;
}

}  // namespace ditto
