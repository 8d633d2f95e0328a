#include "caches/teacache.h"

#include <algorithm>
#include <map>

#include "caches/change.h"
#include "caches/polynomial.h"
#include "caches/step_window.h"

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
      : threshold_(options.number("threshold")),
        signal_(signal_of(options.text("indicator"))),
        coefficients_(parse_polynomial(options.text("coefficients"), "teacache:coefficients")),
        clamp_(options.flag("clamp")),
        window_{options.integer("first"), options.integer("last")} {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (threshold_ <= 0) return {};
    return {.sites = {unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta)},
            .signals = {signal_},
            .remembered_states = 1};
  }

  Decision decide(const DecisionPoint& point) override {
    const at::Tensor indicator = point.evidence.signal(signal_);
    const at::Tensor previous = point.evidence.recall(kIndicator);
    point.evidence.remember(kIndicator, indicator);
    double& accumulated = accumulated_[point.branch];
    if (window_.must_compute(point.step)) {
      accumulated = 0;
      return Decision::recompute("window");
    }
    const std::optional<double> change =
        previous.defined() ? relative_change(indicator, previous) : std::optional<double>();
    if (!change) {
      accumulated = 0;
      return Decision::recompute("no indicator to compare with");
    }
    const double rescaled = evaluate_polynomial(coefficients_, *change);
    accumulated += clamp_ ? std::max(rescaled, 0.0) : rescaled;
    const double score = accumulated;
    // Written so that a NaN computes.
    if (score < threshold_) return Decision::reuse("drift below threshold", score);
    accumulated = 0;
    return Decision::recompute("drift", score);
  }

 private:
  double threshold_;
  Signal signal_;
  std::vector<double> coefficients_;
  bool clamp_;
  StepWindow window_;
  std::map<Branch, double> accumulated_;
};

}  // namespace

PolicyEntry teacache_entry() {
  return {.name = "teacache",
          .help = "reuse the change made by all units while a time-dependent indicator drifts little",
          .disabled = "threshold=0",
          .example = "threshold=0.1,coefficients=2/-0.05",
          .options = {{.name = "threshold",
                       .type = OptionType::kNumber,
                       .default_value = "0.1",
                       .help = "largest accumulated drift that is reused"},
                      {.name = "indicator",
                       .type = OptionType::kText,
                       .default_value = "emb",
                       .help = "what is compared: time embedding, its projection, or the first unit's modulated input",
                       .choices = {"emb", "emb_proj", "modulated"}},
                      {.name = "coefficients",
                       .type = OptionType::kText,
                       .default_value = "1/0",
                       .help = "polynomial from indicator drift to output drift, a/b/c, highest power first"},
                      {.name = "clamp",
                       .type = OptionType::kFlag,
                       .default_value = "false",
                       .help = "take negative values of the polynomial as 0"},
                      {.name = "first",
                       .type = OptionType::kInteger,
                       .default_value = "1",
                       .help = "steps always computed at the start"},
                      {.name = "last",
                       .type = OptionType::kInteger,
                       .default_value = "1",
                       .help = "steps always computed at the end"}},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<TeaCache>(options);
          }};
}

}  // namespace ditto
