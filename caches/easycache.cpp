#include "caches/easycache.h"

#include <cmath>
#include <optional>

#include <ATen/TensorOperators.h>

#include "caches/change.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

constexpr const char* kPreviousLatent = "latent of the previous step";
constexpr const char* kComputedLatent = "latent of the last computed step";
constexpr const char* kComputedPrediction = "prediction of the last computed step";

class EasyCache : public CachePolicy {
 public:
  explicit EasyCache(const PolicyOptions& options)
      : threshold_(options.number("threshold")),
        max_reuse_(options.integer("max_reuse")),
        window_(step_window(options)) {}

  Plan plan(const Topology&, std::span<const StepInfo>) override {
    if (threshold_ <= 0) return {};
    return {.sites = {prediction_site(FeatureForm::kDelta)}, .remembered_latents = 3};
  }

  Decision decide(const DecisionPoint& point) override {
    if (point.branch == Branch::kConditional) {
      decision_ = decide_step(point);
      point.evidence.remember(kPreviousLatent, point.latent);
    }
    return decision_;
  }

  void observe(const DecisionPoint& point, const Feature& fresh, const Feature*) override {
    if (point.branch != Branch::kConditional) return;
    accumulated_ = 0;
    const at::Tensor prediction = point.latent + fresh.video;
    measure_rate(point, prediction);
    prediction_size_ = mean_abs(prediction);
    point.evidence.remember(kComputedLatent, point.latent);
    point.evidence.remember(kComputedPrediction, prediction);
  }

 private:
  Decision decide_step(const DecisionPoint& point) {
    if (window_.must_compute(point.step)) return Decision::recompute("window");
    const at::Tensor previous = point.evidence.recall(kPreviousLatent);
    if (!previous.defined() || !rate_) return Decision::recompute("no rate known yet");
    accumulated_ += *rate_ * mean_abs(point.latent - previous) / prediction_size_;
    const double score = accumulated_;
    // Written so that a NaN computes.
    if (score < threshold_) {
      if (max_reuse_ > 0 && point.age() > max_reuse_) return Decision::recompute("max_reuse", score);
      return Decision::reuse("predicted change below threshold", score);
    }
    return Decision::recompute("predicted change", score);
  }

  /// Transformation rate: change of the prediction over change of the latent between the last two computed steps. The
  /// old rate stays when the latent did not change.
  void measure_rate(const DecisionPoint& point, const at::Tensor& prediction) {
    const at::Tensor latent_before = point.evidence.recall(kComputedLatent);
    const at::Tensor prediction_before = point.evidence.recall(kComputedPrediction);
    if (!latent_before.defined() || !prediction_before.defined()) return;
    const double rate = mean_abs(prediction - prediction_before) / mean_abs(point.latent - latent_before);
    if (std::isfinite(rate)) rate_ = rate;
  }

  double threshold_;
  int max_reuse_;
  StepWindow window_;
  double accumulated_ = 0;  ///< predicted change since the last computed step
  double prediction_size_ = 0;
  std::optional<double> rate_;
  Decision decision_;
};

}  // namespace

PolicyEntry easycache_entry() {
  return {.name = "easycache",
          .help = "reuse prediction minus latent while the predicted change of the output is small",
          .disabled = "threshold=0",
          .example = "threshold=0.3,first=3",
          .options = {{.name = "threshold",
                       .type = OptionType::kNumber,
                       .default_value = "0.05",
                       .help = "largest accumulated relative change that is reused"},
                      {.name = "max_reuse",
                       .type = OptionType::kInteger,
                       .default_value = "0",
                       .help = "most steps reused in a row; 0 sets no bound"},
                      first_option("10", "; the rate needs two"),
                      last_option("1")},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<EasyCache>(options);
          }};
}

}  // namespace ditto
