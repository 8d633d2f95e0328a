#include "caches/seacache.h"

#include <fmt/format.h>

#include "caches/block_range.h"
#include "caches/change.h"
#include "caches/forecasters/taylor.h"
#include "caches/refusal.h"
#include "caches/since_computed.h"
#include "caches/spectral_filter.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

constexpr const char* kInput = "filtered input of the previous step";

class SeaCache : public CachePolicy {
 public:
  explicit SeaCache(const PolicyOptions& options)
      : threshold_(options.number("threshold")),
        power_(options.number("power")),
        order_(options.integer("order")),
        max_reuse_(options.integer("max_reuse")),
        looks_at_latent_(options.text("indicator") == "latent"),
        official_(options.text("mode") == "official"),
        window_(step_window(options)),
        last_blocks_(options.integer("last_blocks")) {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (threshold_ <= 0) return {};
    patch_ = topology.patch;
    Plan plan{.sites = {block_range_site(topology, "seacache", 0, last_blocks_, order_ + 1)}};
    if (looks_at_latent_) {
      plan.remembered_latents = 1;
    } else {
      plan.signals = {Signal::kModulatedInput};
      plan.remembered_states = 1;
    }
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    const at::Tensor input = looks_at_latent_ ? point.latent.squeeze(0).permute({1, 2, 3, 0}) : modulated_input(point);
    const bool must_compute = window_.must_compute(point.step);
    // The released scripts store the unfiltered input where they compute by rule.
    const at::Tensor kept = official_ && must_compute ? input : spectral_filter(input, point.step.sigma, power_);
    const at::Tensor previous = point.evidence.recall(kInput);
    point.evidence.remember(kInput, kept.to(input.scalar_type()));
    if (must_compute) return Decision::recompute("window");
    if (!previous.defined()) return Decision::recompute(missing(point));
    if (max_reuse_ > 0 && point.age() > max_reuse_) return Decision::recompute("max_reuse");
    const std::optional<double> change = relative_change(kept, previous, point.kernels);
    if (!change) return Decision::recompute("no measure of change");
    double& accumulated = accumulated_.at(point);
    accumulated += *change;
    if (accumulated < threshold_) return forecast(point, accumulated);
    return Decision::recompute("drift", accumulated);
  }

 private:
  /// Every step remembers its input, unless the budget is exhausted.
  static std::string missing(const DecisionPoint& point) {
    return point.step.index == 0 ? "no input to compare with" : "no input to compare with; over the byte budget";
  }

  /// As a grid [frames, height, width, channels].
  at::Tensor modulated_input(const DecisionPoint& point) const {
    const at::Tensor input = point.evidence.signal(Signal::kModulatedInput);
    const std::int64_t frames = point.latent.size(2) / patch_[0];
    const std::int64_t height = point.latent.size(3) / patch_[1];
    const std::int64_t width = point.latent.size(4) / patch_[2];
    if (input.size(1) != frames * height * width) {
      refuse_option("seacache",
                    fmt::format("the model has {} tokens where its latent has a grid of {}x{}x{}", input.size(1),
                                frames, height, width),
                    "models whose tokens are that grid");
    }
    return input.reshape({frames, height, width, input.size(2)});
  }

  Decision forecast(const DecisionPoint& point, double drift) const {
    if (point.snapshots.empty()) return Decision::reuse("drift below threshold", drift);
    std::vector<double> positions;
    for (const Snapshot& snapshot : point.snapshots) positions.push_back(snapshot.index);
    return Decision::blend(TaylorForecaster(order_).weights(positions, point.step.index), "drift below threshold",
                           drift);
  }

  double threshold_;
  double power_;
  int order_;
  int max_reuse_;
  bool looks_at_latent_;
  bool official_;
  StepWindow window_;
  int last_blocks_;
  std::array<int, 3> patch_ = {1, 1, 1};
  SinceComputed<double> accumulated_;
};

}  // namespace

PolicyEntry seacache_entry() {
  return {
      .name = "seacache",
      .help = "reuse the change made by all units while the spectrally filtered input drifts little",
      .disabled = "threshold=0",
      .example = "threshold=0.6",
      .options = {{.name = "threshold",
                   .type = OptionType::kNumber,
                   .default_value = "0.2",
                   .help = "reuse below this accumulated drift; published: 0.2 to 0.4"},
                  {.name = "indicator",
                   .type = OptionType::kText,
                   .default_value = "modulated",
                   .help = "whose drift is measured: the first unit's modulated input, or the latent as in diffusers",
                   .choices = {"modulated", "latent"}},
                  {.name = "order",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "order of the Taylor forecast of the change; 0 reuses, diffusers has 1",
                   .maximum = 4},
                  {.name = "max_reuse",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "most steps reused in a row; 0 sets no bound, diffusers has 2"},
                  {.name = "power",
                   .type = OptionType::kNumber,
                   .default_value = "3",
                   .help = "with which the spectrum is taken to fall: 3 for video, 2 for images",
                   .maximum = 16},
                  {.name = "mode",
                   .type = OptionType::kText,
                   .default_value = "ditto",
                   .help = "official: steps computed by rule store the unfiltered input, as in the Wan scripts",
                   .choices = {"ditto", "official"}},
                  first_option("1"),
                  last_option("1"),
                  {.name = "last_blocks",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "blocks at the end that always run"}},
      .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
        return std::make_unique<SeaCache>(options);
      }};
}

}  // namespace ditto
