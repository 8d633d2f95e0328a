#include "caches/taylorseer.h"

#include "caches/forecast_policy.h"
#include "caches/forecasters/taylor.h"

namespace ditto {
namespace {

using Start = ForecastSchedule::Start;

ForecastSchedule schedule_of(const PolicyOptions& options) {
  const bool diffusers = options.text("schedule") == "diffusers";
  return ForecastSchedule::from(options, diffusers ? Start::kWindow : Start::kLastComputed);
}

class TaylorSeer : public ForecastPolicy {
 public:
  explicit TaylorSeer(const PolicyOptions& options)
      : ForecastPolicy(schedule_of(options), options.text("site"), options.integer("order") + 1),
        order_(options.integer("order")),
        by_sigma_(options.text("axis") == "sigma") {}

 private:
  std::vector<float> forecast(std::span<const Snapshot> snapshots, const StepInfo& step) const override {
    std::vector<double> positions = indices_of(snapshots);
    for (std::size_t k = 0; by_sigma_ && k < positions.size(); ++k) positions[k] = snapshots[k].sigma;
    // diffusers updates its differences at every computed step.
    const bool every_step = schedule().counted_from == Start::kWindow;
    const int order = every_step ? order_ : recursion_order(snapshots, order_, schedule().window);
    return TaylorForecaster(order).weights(positions, by_sigma_ ? step.sigma : step.index);
  }

  int order_;
  bool by_sigma_;
};

std::vector<OptionSpec> options() {
  std::vector<OptionSpec> all = forecast_options("3", "unit", "3");
  all.push_back({.name = "order",
                 .type = OptionType::kInteger,
                 .default_value = "1",
                 .help = "order of the Taylor polynomial; 0 reuses",
                 .maximum = 4});
  all.push_back({.name = "axis",
                 .type = OptionType::kText,
                 .default_value = "index",
                 .help = "positions of the forecast: step index or noise level",
                 .choices = {"index", "sigma"}});
  all.push_back({.name = "schedule",
                 .type = OptionType::kText,
                 .default_value = "official",
                 .help = "what the interval is counted from: the last computed step, or as in diffusers the window",
                 .choices = {"official", "diffusers"}});
  return all;
}

}  // namespace

PolicyEntry taylorseer_entry() {
  return {.name = "taylorseer",
          .help = "compute every interval-th step, forecast the features in between",
          .disabled = "interval=1",
          .example = "interval=3,order=2,first=2,last=1",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<TaylorSeer>(options);
          }};
}

}  // namespace ditto
