#include "caches/foca.h"

#include "caches/forecast_policy.h"
#include "caches/forecasters/rolling.h"

namespace ditto {
namespace {

class FoCa : public ForecastPolicy {
 public:
  explicit FoCa(const PolicyOptions& options)
      : ForecastPolicy(ForecastSchedule::from(options), options.text("site"), options.integer("keep")) {}

 private:
  std::vector<float> forecast(std::span<const Snapshot> snapshots, const StepInfo& step) const override {
    return RollingForecaster(kFocaRule).weights(indices_of(snapshots), step.index);
  }
};

std::vector<OptionSpec> options() {
  std::vector<OptionSpec> all = forecast_options("4", "unit", "3");
  all.push_back({.name = "keep",
                 .type = OptionType::kInteger,
                 .default_value = "4",
                 .help =
                     "computed features the rolling forecast starts from; the published recursion starts from all: as "
                     "many as there are computed steps",
                 .minimum = 2,
                 .maximum = 1000});
  return all;
}

}  // namespace

PolicyEntry foca_entry() {
  return {.name = "foca",
          .help = "compute every interval-th step, forecast in between from earlier forecasts, then calibrate",
          .disabled = "interval=1",
          .example = "interval=3,first=2,last=1",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<FoCa>(options);
          }};
}

}  // namespace ditto
