#include "apps/dit_profile/profile_text.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/report_text.h"
#include "apps/dit_profile/profile_curves.h"
#include "caches/profiling/combine.h"
#include "core/printable.h"

namespace ditto {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kCurveColumns = 50;

Json settings_of(const Profile& profile) {
  std::vector<std::string> branches;
  for (const Branch branch : profile.run.branches) branches.emplace_back(branch_name(branch));
  return {{"profile", profile.path.string()},
          {"model", profile.model.name},
          {"weight_hash", profile.model.weight_hash},
          {"dtype", profile.dtype.empty() ? "not recorded" : profile.dtype},
          {"version", profile.version},
          {"prompts", profile.prompts},
          {"solver", profile.run.solver},
          {"steps", profile.run.steps},
          {"shift", profile.run.shift},
          {"guidance", profile.run.guidance},
          {"width", profile.run.width},
          {"height", profile.run.height},
          {"frames", profile.run.frames},
          {"branches", branches}};
}

std::string curve_line(const ProfileCurve& curve) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : curve.values) {
    if (std::isnan(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const std::string range = low > high ? "not measured" : fmt::format("{:.4g} to {:.4g}", low, high);
  return fmt::format("  {:<20} {:<20} {} {}\n", curve.array, curve.part, sparkline(curve.values, kCurveColumns), range);
}

/// "mean deviation over prompts 0.018, largest 0.074".
std::string fit_words(const Json& fit) {
  std::string text;
  for (const auto& [key, value] : fit.items()) {
    std::string name = key;
    std::ranges::replace(name, '_', ' ');
    const std::string words = value.is_object()         ? fmt::format("{}: {}", name, fit_words(value))
                              : value.is_number_float() ? fmt::format("{} {:.4g}", name, value.get<double>())
                                                        : fmt::format("{} {}", name, value.dump());
    text += (text.empty() ? "" : ", ") + words;
  }
  return text;
}

std::string shape_of(const at::Tensor& array) { return fmt::format("[{}]", fmt::join(array.sizes(), ",")); }

std::string array_lines(const Profile& profile) {
  std::string text;
  for (const ProfileArray& known : profile_arrays()) {
    const std::string shape = profile.has(known.name) ? shape_of(profile.array(known.name)) : "not measured";
    text += fmt::format("  {:<30} {:<14} {}\n", known.name, shape, known.meaning);
  }
  return text;
}

}  // namespace

std::string profile_text(const Profile& profile) {
  std::string text = render_report(settings_of(profile));
  const std::vector<ProfileCurve> curves = profile_curves(profile);
  if (!curves.empty()) text += "\ncurves over the steps\n";
  for (const ProfileCurve& curve : curves) text += curve_line(curve);
  const Json fits = profile_fits(profile);
  if (!fits.empty()) text += "\nfit and spread\n";
  for (const auto& [array, fit] : fits.items()) text += fmt::format("  {:<20} {}\n", array, fit_words(fit));
  text += "\narrays\n" + array_lines(profile);
  text.pop_back();
  return text;
}

Json profile_facts(const Profile& profile) {
  Json facts = settings_of(profile);
  facts["curves"] = Json::array();
  for (const ProfileCurve& curve : profile_curves(profile)) {
    Json values = Json::array();
    for (const double value : curve.values) values.push_back(std::isfinite(value) ? Json(value) : Json());
    facts["curves"].push_back({{"array", curve.array}, {"part", curve.part}, {"values", values}});
  }
  facts["fit"] = profile_fits(profile);
  for (const auto& [name, array] : profile.arrays) facts["arrays"][name] = array.sizes().vec();
  return facts;
}

void report_written(Program& program, const Profile& profile, const std::filesystem::path& name) {
  Json files = Json::array();
  for (const std::filesystem::path& file : Profile::files(name)) files.push_back(file.string());
  program.console.event(
      {{"event", "done"}, {"output", files}, {"prompts", profile.prompts}, {"fit", profile_fits(profile)}});
  program.console.result(profile_text(profile));
}

}  // namespace ditto
