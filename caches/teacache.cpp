#include "caches/teacache.h"

#include <algorithm>
#include <map>
#include <optional>

#include "caches/change.h"
#include "caches/polynomial.h"
#include "caches/profile_source.h"
#include "caches/settled_option.h"
#include "caches/step_window.h"
#include "caches/teacache_calibration.h"

namespace ditto {
namespace {

constexpr const char* kIndicator = "indicator of the previous step";

Signal signal_of(const std::string& indicator) {
  if (indicator == "emb") return Signal::kTimeEmbedding;
  if (indicator == "emb_proj") return Signal::kTimeProjection;
  return Signal::kModulatedInput;
}

class TeaCache : public CachePolicy {
 public:
  explicit TeaCache(const PolicyOptions& options)
      : options_(options), threshold_(options.number("threshold")), clamp_(options.flag("clamp")) {
    if (!options.is_automatic("coefficients")) parse_polynomial(options.text("coefficients"), "teacache:coefficients");
  }

  void begin(const Topology& topology, const RunInfo& run) override {
    if (threshold_ <= 0) return;
    calibration_ = calibrate_teacache(options_, topology, run);
    signal_ = signal_of(calibration_.indicator);
  }

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (threshold_ <= 0) return {};
    return {.sites = {unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta)},
            .signals = {signal_},
            .remembered_states = 1};
  }

  Decision decide(const DecisionPoint& point) override {
    Decision decision = judge(point);
    if (point.step.index == 0) decision.reason += "; " + calibration_.origin;
    return decision;
  }

  void observe(const DecisionPoint& point, const Feature&, const Feature*) override { drift_[point.branch] = 0; }

  std::vector<std::string> warnings() const override {
    if (!was_negative_) return {};
    return {
        "teacache: the polynomial was negative, so that drift counted as none; accepted: clamp=true, or coefficients "
        "for this model and number of steps"};
  }

  std::vector<SettledOption> settled_options() const override {
    const bool compares = threshold_ > 0;
    return {settled("indicator", calibration_.indicator, compares),
            settled("coefficients", calibration_.coefficients, compares),
            settled("profile", calibration_.profile.value_or("none")),
            settled("first", calibration_.window.first, compares), settled("last", calibration_.window.last, compares)};
  }

 private:
  Decision judge(const DecisionPoint& point) {
    const at::Tensor indicator = point.evidence.signal(signal_);
    const at::Tensor previous = point.evidence.recall(kIndicator);
    point.evidence.remember(kIndicator, indicator);
    if (calibration_.window.must_compute(point.step)) return Decision::recompute("window");
    if (!previous.defined()) return Decision::recompute("no indicator to compare with");
    const std::optional<double> change = relative_change(indicator, previous, point.kernels);
    if (!change) return Decision::recompute("no measure of drift");
    const double rescaled = evaluate_polynomial(calibration_.coefficients, *change);
    const double score = drift_[point.branch] += clamp_ ? std::max(rescaled, 0.0) : rescaled;
    const bool is_negative = rescaled < 0 && !clamp_;
    was_negative_ = was_negative_ || is_negative;
    const std::string note = is_negative ? "; the polynomial is negative here" : "";
    // Written so that a NaN computes.
    if (score < threshold_) return Decision::reuse("drift below threshold" + note, score);
    return Decision::recompute("drift" + note, score);
  }

  PolicyOptions options_;
  double threshold_;
  bool clamp_;
  TeaCacheCalibration calibration_;
  Signal signal_ = Signal::kTimeEmbedding;
  bool was_negative_ = false;
  std::map<Branch, double> drift_;  ///< accumulated since the last computed step
};

std::vector<OptionSpec> options() {
  return {{.name = "threshold",
           .type = OptionType::kNumber,
           .default_value = "0.1",
           .help = "largest accumulated drift that is reused"},
          {.name = "indicator",
           .type = OptionType::kText,
           .default_value = kAutomatic,
           .help = "what is compared: time embedding, its projection, or the first unit's modulated input; auto: the "
                   "one a polynomial is known for",
           .choices = {"emb", "emb_proj", "modulated"}},
          {.name = "coefficients",
           .type = OptionType::kText,
           .default_value = kAutomatic,
           .help = "polynomial from indicator drift to output drift, a/b/c, highest power first; auto: from profile or "
                   "preset, 1/0 for unknown models"},
          profile_option("the polynomial"),
          {.name = "clamp",
           .type = OptionType::kFlag,
           .default_value = "false",
           .help = "take negative values of the polynomial as 0"},
          first_option(kAutomatic, "; auto: as published, else 1"),
          last_option(kAutomatic, "; auto: as published, else 1")};
}

}  // namespace

PolicyEntry teacache_entry() {
  return {.name = "teacache",
          .help = "reuse the change made by all units while a time-dependent indicator drifts little",
          .disabled = "threshold=0",
          .example = "threshold=0.1,coefficients=2/-0.05",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<TeaCache>(options);
          }};
}

}  // namespace ditto
