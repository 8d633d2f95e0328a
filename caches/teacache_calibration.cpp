#include "caches/teacache_calibration.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/polynomial.h"
#include "caches/preset.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "core/error.h"
#include "io/json_file.h"

namespace ditto {
namespace {

constexpr const char* kIndicators[] = {"emb", "emb_proj", "modulated"};

/// A published polynomial and the window it was published with, or one of a profile.
struct Published {
  std::string indicator;
  std::vector<double> coefficients;
  StepWindow window;
  std::optional<std::string> profile = {};
};

std::vector<Published> published_for(const ModelIdentity& model, int steps) {
  const std::optional<nlohmann::json> preset = find_preset("teacache", model);
  std::vector<Published> published;
  if (!preset) return published;
  JsonReader reader(*preset, preset_source("teacache"));
  for (JsonReader& entry : reader.objects("calibrations")) {
    const IntegerRange count{0, 1'000'000};
    const double share = entry.number("first_share", {0, 1}, 0.0);
    const int from_share = static_cast<int>(std::ceil(share * steps));
    const int first = static_cast<int>(entry.integer("first", count, from_share));
    published.push_back({entry.text("indicator"),
                         entry.numbers("coefficients"),
                         {first, static_cast<int>(entry.integer("last", count))}});
  }
  return published;
}

std::string array_name(const std::string& indicator) { return "teacache." + indicator; }

/// The polynomial a profile holds for an indicator (any of them for kAutomatic).
std::optional<Published> measured_in(const Profile& profile, const std::string& indicator) {
  for (const char* candidate : kIndicators) {
    const std::string array = array_name(candidate);
    if ((indicator != kAutomatic && indicator != candidate) || !profile.has(array)) continue;
    const at::Tensor values = profile.array(array).to(at::kDouble).contiguous();
    if (values.dim() != 1 || values.numel() < 1) {
      throw Error(ExitCode::kBadInputFile,
                  fmt::format("{}: '{}' is no polynomial; accepted: coefficients [n], highest power first",
                              profile.path.string(), array));
    }
    const double* data = values.const_data_ptr<double>();
    const std::vector<double> coefficients(data, data + values.numel());
    // An indicator that could not be fitted has NaN.
    if (std::ranges::all_of(coefficients, [](double value) { return std::isfinite(value); })) {
      return Published{candidate, coefficients, {1, 1}, profile_name(profile)};
    }
  }
  return std::nullopt;
}

std::optional<Published> measured_for(const PolicyOptions& options, const Topology& topology, const RunInfo& run) {
  const ProfileSource source = find_profile(options.text("profile"), topology, run);
  if (!source.profile) return std::nullopt;
  std::optional<Published> measured = measured_in(*source.profile, options.text("indicator"));
  if (!measured && !options.is_automatic("profile")) {
    const std::string& indicator = options.text("indicator");
    const std::string array = array_name(indicator == kAutomatic ? kIndicators[0] : indicator);
    source.profile->array(array);  // refuses what was not measured
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: '{}' could not be fitted; accepted: an indicator that drifts",
                                                     source.profile->path.string(), array));
  }
  return measured;
}

}  // namespace

TeaCacheCalibration calibrate_teacache(const PolicyOptions& options, const Topology& topology, const RunInfo& run) {
  TeaCacheCalibration settled;
  const bool own_polynomial = !options.is_automatic("coefficients");
  if (own_polynomial) refuse_without_effect(options, "teacache", "profile", "beside coefficients");
  const std::vector<Published> published = published_for(topology.identity, run.steps);
  const std::optional<Published> measured =
      own_polynomial ? std::optional<Published>() : measured_for(options, topology, run);

  if (!options.is_automatic("indicator")) {
    settled.indicator = options.text("indicator");
  } else if (measured) {
    settled.indicator = measured->indicator;
  } else if (!published.empty()) {
    settled.indicator = published.front().indicator;
  }
  settled.origin = fmt::format("no polynomial is known for model '{}' and indicator {}: drift is taken as it is",
                               topology.identity.name, settled.indicator);
  for (const Published& set : published) {
    if (set.indicator != settled.indicator) continue;
    settled.coefficients = set.coefficients;
    settled.window = set.window;
    settled.origin = fmt::format("polynomial published for model '{}'", topology.identity.name);
  }
  if (measured) {
    settled.coefficients = measured->coefficients;
    settled.origin = "polynomial from a profile";
    settled.profile = measured->profile;
  }
  if (own_polynomial) {
    settled.coefficients = parse_polynomial(options.text("coefficients"), "teacache:coefficients");
    settled.origin = "polynomial as given";
  }
  settled.window.first = options.integer_or("first", settled.window.first);
  settled.window.last = options.integer_or("last", settled.window.last);
  return settled;
}

}  // namespace ditto
