#include "solvers/scheduler_config.h"

#include <array>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/json_file.h"
#include "solvers/flow_euler.h"
#include "solvers/unipc.h"

namespace ditto {
namespace {

const std::string kUniPcClass = "UniPCMultistepScheduler";
const std::string kEulerClass = "FlowMatchEulerDiscreteScheduler";

void require_boolean(JsonReader& reader, std::string_view key, bool accepted, bool fallback) {
  if (reader.boolean(key, fallback) == accepted) return;
  reader.fail(key, fmt::format("{}{} is not supported", !accepted, reader.has(key) ? "" : " (the default)"),
              accepted ? "true" : "false");
}

void require_text(JsonReader& reader, std::string_view key, std::string_view accepted, std::string_view fallback) {
  const std::string value = reader.text(key, std::string(fallback));
  if (value == accepted) return;
  reader.fail(key, fmt::format("\"{}\"{} is not supported", value, reader.has(key) ? "" : " (the default)"),
              fmt::format("\"{}\"", accepted));
}

void require_null(JsonReader& reader, std::string_view key) {
  if (!reader.has(key)) return;
  reader.fail(key, fmt::format("{} is not supported", reader.value(key).dump()), "null");
}

double read_shift(JsonReader& reader, std::string_view key) {
  return reader.number(key, {.min = std::numeric_limits<double>::min()}, 1.0);
}

void read_common(JsonReader& reader, SolverOptions& options) {
  for (const auto key : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_dynamic_shifting"}) {
    require_boolean(reader, key, false, false);
  }
  require_null(reader, "shift_terminal");
  options.train_timesteps = static_cast<int>(reader.integer("num_train_timesteps", {.min = 1, .max = 1'000'000}, 1000));
}

SolverOptions read_unipc(JsonReader& reader) {
  SolverOptions options;
  read_common(reader, options);
  require_boolean(reader, "use_flow_sigmas", true, false);
  require_text(reader, "prediction_type", "flow_prediction", "epsilon");
  require_boolean(reader, "predict_x0", true, true);
  require_boolean(reader, "lower_order_final", true, true);
  require_boolean(reader, "thresholding", false, false);
  require_text(reader, "final_sigmas_type", "zero", "zero");
  require_null(reader, "solver_p");
  reader.integer("solver_order", {.min = 2, .max = 2}, 2);
  // diffusers turns these names of other schedulers' solvers into bh2.
  static const std::array<std::string, 4> kSolverTypes = {"bh2", "midpoint", "heun", "logrho"};
  reader.choice("solver_type", kSolverTypes, "bh2");
  options.shift = read_shift(reader, "flow_shift");
  for (const std::int64_t step : reader.integers("disable_corrector", {.min = 0, .max = 1'000'000}, {{}})) {
    options.steps_without_corrector.push_back(static_cast<int>(step));
  }
  return options;
}

SolverOptions read_euler(JsonReader& reader) {
  SolverOptions options;
  read_common(reader, options);
  require_boolean(reader, "invert_sigmas", false, false);
  require_boolean(reader, "stochastic_sampling", false, false);
  options.shift = read_shift(reader, "shift");
  return options;
}

}  // namespace

SchedulerConfig read_scheduler_config(const std::filesystem::path& file) {
  const nlohmann::json document = read_json_file(file);
  JsonReader reader(document, file.string());
  const std::array<std::string, 2> classes = {kUniPcClass, kEulerClass};
  if (reader.choice("_class_name", classes) == kUniPcClass) {
    return {std::string(UniPcSolver::kName), read_unipc(reader)};
  }
  return {std::string(FlowEulerSolver::kName), read_euler(reader)};
}

}  // namespace ditto
