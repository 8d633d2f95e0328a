#include "caches/fastercache_settings.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "caches/preset.h"
#include "caches/refusal.h"
#include "io/json_file.h"

namespace ditto {
namespace {

constexpr double kCompoundFactor = 1.1, kPaperFactor = 1.2;

/// The schedule of models without published settings; `attention_first` is the first step that forecasts.
FasterCacheSettings general_settings(int steps, int attention_first) {
  FasterCacheSettings general;
  const int guidance_first = (steps + 2) / 3;
  constexpr int kAttentionInterval = 2, kGuidanceInterval = 5;
  general.attention.steps = {attention_first, kAttentionInterval, attention_first % kAttentionInterval};
  general.guidance.steps = {guidance_first, kGuidanceInterval, guidance_first % kGuidanceInterval};
  // The weight rises from 0 at the first step that forecasts to 1 at the last one.
  general.attention.scale = 1;
  general.attention.origin = attention_first + 1;
  general.attention.span = std::max(1, steps - 1 - attention_first);
  general.guidance.low_factor = general.guidance.high_factor = kCompoundFactor;
  general.guidance.low_until = (4 * steps + 4) / 5;
  general.guidance.high_from = (3 * steps + 4) / 5;
  return general;
}

ReuseSteps read_steps(JsonReader& reader) {
  const IntegerRange counts{1, 100000};
  return {static_cast<int>(reader.integer("first", counts)), static_cast<int>(reader.integer("interval", counts)),
          static_cast<int>(reader.integer("phase", {0, counts.max}))};
}

/// What the preset says, when it is for this number of steps.
FasterCacheSettings published_settings(const PolicyOptions& options, const ModelIdentity& model, int steps) {
  FasterCacheSettings published = general_settings(steps, options.integer_or("attention_first", (3 * steps + 5) / 10));
  const std::optional<nlohmann::json> preset = find_preset("fastercache", model);
  if (!preset) return published;
  JsonReader reader(*preset, preset_source("fastercache"));
  if (reader.integer("steps") != steps) return published;

  JsonReader attention = reader.object("attention");
  published.attention.steps = read_steps(attention);
  JsonReader weight = attention.object("weight");
  published.attention.floor = weight.number("floor");
  published.attention.scale = weight.number("scale", {}, 0.0);
  published.attention.origin = weight.number("origin", {}, 0.0);
  published.attention.span = weight.number("span", {1, 100000}, 1.0);

  JsonReader guidance = reader.object("guidance");
  published.guidance.steps = read_steps(guidance);
  published.guidance.low_factor = guidance.number("low_factor");
  published.guidance.high_factor = guidance.number("high_factor");
  published.guidance.low_until = static_cast<int>(guidance.integer("low_until", {0, 100000}));
  published.guidance.high_from = static_cast<int>(guidance.integer("high_from", {0, 100000}));
  return published;
}

/// Steps given by options begin with one that reuses.
void override_steps(ReuseSteps& steps, const PolicyOptions& options, const std::string& first,
                    const std::string& interval) {
  if (options.is_automatic(first) && options.is_automatic(interval)) return;
  steps.first = options.integer_or(first, steps.first);
  steps.interval = options.integer_or(interval, steps.interval);
  steps.phase = steps.first % steps.interval;
}

void override_attention(AttentionForecast& attention, const PolicyOptions& options) {
  override_steps(attention.steps, options, "attention_first", "attention_interval");
  if (options.is_automatic("attention_weight")) return;
  attention.floor = options.number("attention_weight");
  attention.scale = 0;
}

void override_guidance(GuidanceReuse& guidance, const PolicyOptions& options, int steps) {
  override_steps(guidance.steps, options, "guidance_first", "guidance_interval");
  guidance.compound = options.text("weight_mode") == "compound";
  if (!guidance.compound) {
    // The paper leaves the step at which the bands change places to the user; half the run is our choice.
    guidance.low_until = guidance.high_from = steps / 2;
    guidance.low_factor = guidance.high_factor = kPaperFactor;
  }
  guidance.low_factor = options.number_or("low_factor", guidance.low_factor);
  guidance.high_factor = options.number_or("high_factor", guidance.high_factor);
  guidance.low_until = options.integer_or("low_until", guidance.low_until);
  guidance.high_from = options.integer_or("high_from", guidance.high_from);
}

const std::vector<std::string> kAttentionOptions = {"attention_first", "attention_interval", "attention_weight"};
const std::vector<std::string> kGuidanceOptions = {"guidance_first", "guidance_interval", "low_factor",
                                                   "high_factor",    "low_until",         "high_from"};

void refuse_options(const PolicyOptions& options, const std::vector<std::string>& names, const std::string& why) {
  for (const std::string& name : names) {
    // An interval of 1 asks for what happens: no reuse.
    const bool is_off = name.ends_with("interval") && options.integer_or(name, 0) == 1;
    if (!is_off) refuse_without_effect(options, "fastercache", name, why);
  }
}

}  // namespace

double AttentionForecast::weight(int index) const { return std::max(floor, scale * (index + 1 - origin) / span); }

std::vector<float> GuidanceReuse::weights(int computed, int index) const {
  // Steps that reuse the difference, this one included, inside the range of each band.
  const int low_steps = std::max(0, std::min(index, low_until - 1) - computed);
  const int high_steps = std::max(0, index - std::max(computed, high_from - 1));
  if (compound)
    return {std::pow(static_cast<float>(low_factor), static_cast<float>(low_steps)),
            std::pow(static_cast<float>(high_factor), static_cast<float>(high_steps))};
  return {static_cast<float>(index < low_until ? low_factor : 1),
          static_cast<float>(index < high_from ? 1 : high_factor)};
}

FasterCacheSettings fastercache_settings(const PolicyOptions& options, const ModelIdentity& model, int steps,
                                         bool two_branches) {
  const std::string& parts = options.text("parts");
  if (parts == "guidance" && !two_branches) {
    refuse_option("fastercache:parts", "the run has no unconditional branch to leave out", "attention");
  }
  FasterCacheSettings settings = published_settings(options, model, steps);
  settings.attention.enabled = parts != "guidance";
  settings.guidance.enabled = parts != "attention" && two_branches;
  const std::string why_no_guidance = two_branches ? "with parts=attention" : "in a run without unconditional branch";
  if (!settings.attention.enabled) refuse_options(options, kAttentionOptions, "with parts=guidance");
  if (!settings.guidance.enabled) {
    refuse_options(options, kGuidanceOptions, why_no_guidance);
    if (options.text("weight_mode") != "compound") {
      refuse_option("fastercache:weight_mode", "has no effect " + why_no_guidance, "leaving it out");
    }
  }
  override_attention(settings.attention, options);
  override_guidance(settings.guidance, options, steps);
  settings.attention.enabled = settings.attention.enabled && settings.attention.steps.interval > 1;
  settings.guidance.enabled = settings.guidance.enabled && settings.guidance.steps.interval > 1;
  return settings;
}

std::vector<OptionSpec> fastercache_options() {
  const auto automatic = [](const char* name, OptionType type, const char* help, double minimum = 0) {
    return OptionSpec{.name = name, .type = type, .default_value = kAutomatic, .help = help, .minimum = minimum};
  };
  return {
      {.name = "parts",
       .type = OptionType::kText,
       .default_value = "both",
       .help = "attention: forecast self-attention; guidance: estimate the unconditional prediction; both",
       .choices = {"both", "attention", "guidance"}},
      automatic("attention_first", OptionType::kInteger,
                "steps at the start that compute attention; auto: published for the model, or 0.3 of the steps"),
      automatic("attention_interval", OptionType::kInteger,
                "steps from one that computes attention to the next; auto: published, or 2", 1),
      automatic("attention_weight", OptionType::kNumber,
                "weight of the last difference in the forecast; 0 reuses; auto: published, or rising from 0 to 1"),
      automatic("guidance_first", OptionType::kInteger,
                "steps at the start that run both branches; auto: published, or a third of the steps"),
      automatic("guidance_interval", OptionType::kInteger,
                "steps from one that runs both branches to the next; auto: published, or 5", 1),
      {.name = "weight_mode",
       .type = OptionType::kText,
       .default_value = "compound",
       .help = "compound: the factors apply once more at every step that reuses, as in the published code; paper: once",
       .choices = {"compound", "paper"}},
      automatic("low_factor", OptionType::kNumber,
                "strengthens low frequencies of the difference; auto: published or 1.1, 1.2 with weight_mode=paper"),
      automatic("high_factor", OptionType::kNumber, "the same of high frequencies"),
      automatic(
          "low_until", OptionType::kInteger,
          "steps from the start that strengthen low frequencies; auto: published or 0.8 of the steps, half of them "
          "with weight_mode=paper"),
      automatic(
          "high_from", OptionType::kInteger,
          "steps from the start that do not strengthen high frequencies; auto: published or 0.6 of the steps, half "
          "of them with weight_mode=paper"),
  };
}

}  // namespace ditto
