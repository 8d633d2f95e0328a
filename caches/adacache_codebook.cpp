#include "caches/adacache_codebook.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/preset.h"
#include "caches/refusal.h"
#include "core/error.h"
#include "io/json_file.h"

namespace ditto {
namespace {

constexpr NumberRange kPositive = {std::numeric_limits<double>::min()};
constexpr int kMostSteps = 1'000'000;
constexpr double kLargestChange = std::numeric_limits<double>::max();

nlohmann::json preset_of(const ModelIdentity& model) {
  if (const auto preset = find_preset("adacache", model)) return *preset;
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: has no entry for model '{}'; accepted: one named '*'",
                                                   preset_source("adacache"), model.name));
}

bool fits(const AdaCacheCodebook& codebook) {
  return codebook.rates.size() == codebook.thresholds.size() + 1 &&
         std::ranges::adjacent_find(codebook.thresholds, std::greater_equal{}) == codebook.thresholds.end();
}

AdaCacheCodebook read_codebook(JsonReader& reader) {
  AdaCacheCodebook codebook;
  codebook.thresholds = reader.numbers("thresholds", kPositive);
  for (const std::int64_t rate : reader.integers("rates", {1, kMostSteps})) {
    codebook.rates.push_back(static_cast<int>(rate));
  }
  const double steps = static_cast<double>(reader.integer("steps", {1, kMostSteps}));
  codebook.motion_begin = reader.number("motion_first", kPositive) / steps;
  codebook.motion_end = reader.number("motion_last", kPositive) / steps;
  if (!fits(codebook)) reader.fail("rates", "do not fit the thresholds", "ascending thresholds and one rate more");
  return codebook;
}

template <typename T>
T parse(std::string_view text, T smallest, T largest, const std::string& all) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= smallest && value <= largest)) {
    refuse_option("adacache:codebook", fmt::format("'{}' in '{}' is not possible", text, all),
                  "threshold:steps/threshold:steps/steps");
  }
  return value;
}

AdaCacheCodebook parse_codebook(const std::string& text) {
  AdaCacheCodebook codebook;
  std::string_view rest = text;
  for (std::size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    const std::string_view item = rest.substr(0, slash);
    const std::size_t colon = item.find(':');
    codebook.thresholds.push_back(parse<double>(item.substr(0, colon), 0, kLargestChange, text));
    codebook.rates.push_back(
        parse<int>(colon == std::string_view::npos ? "" : item.substr(colon + 1), 1, kMostSteps, text));
    rest = rest.substr(slash + 1);
  }
  codebook.rates.push_back(parse<int>(rest, 1, kMostSteps, text));
  if (!fits(codebook))
    refuse_option("adacache:codebook", fmt::format("'{}' does not ascend", text), "rising thresholds");
  return codebook;
}

}  // namespace

int AdaCacheCodebook::rate(double change) const {
  if (!std::isfinite(change)) return 1;
  const auto above = std::ranges::upper_bound(thresholds, change);
  return rates[static_cast<std::size_t>(above - thresholds.begin())];
}

bool AdaCacheCodebook::never_reuses() const {
  return std::ranges::all_of(rates, [](int rate) { return rate == 1; });
}

AdaCacheCodebook adacache_codebook(const std::string& text, const ModelIdentity& model) {
  const bool is_written_out = text.find_first_not_of("0123456789.:/+-e") == std::string::npos;
  if (is_written_out) return parse_codebook(text);
  const nlohmann::json preset = preset_of(model);
  JsonReader reader(preset, preset_source("adacache"));
  std::vector<std::string> names;
  for (JsonReader& entry : reader.objects("codebooks")) {
    names.push_back(entry.text("name"));
    if (names.back() == text) return read_codebook(entry);
  }
  refuse_option("adacache:codebook", fmt::format("there is none named '{}'", text),
                fmt::format("{}, or threshold:steps/threshold:steps/steps", fmt::join(names, ", ")));
}

MotionRule adacache_motion_rule(const ModelIdentity& model) {
  const nlohmann::json preset = preset_of(model);
  JsonReader motion = JsonReader(preset, preset_source("adacache")).object("motion");
  return {motion.number("scale", kPositive), motion.number("power", kPositive), motion.number("gradient", {0})};
}

}  // namespace ditto
