#include "caches/hicache.h"

#include "caches/forecast_policy.h"
#include "caches/forecasters/hermite.h"

namespace ditto {
namespace {

class HiCache : public ForecastPolicy {
 public:
  explicit HiCache(const PolicyOptions& options)
      : ForecastPolicy(ForecastSchedule::from(options), options.text("site"), options.integer("order") + 1),
        order_(options.integer("order")),
        sigma_(options.number("sigma")) {}

 private:
  std::vector<float> forecast(std::span<const Snapshot> snapshots, const StepInfo& step) const override {
    const int order = recursion_order(snapshots, order_, schedule().window);
    return HermiteForecaster(order, sigma_).weights(indices_of(snapshots), step.index);
  }

  int order_;
  double sigma_;
};

std::vector<OptionSpec> options() {
  std::vector<OptionSpec> all = forecast_options("4", "unit", "3");
  all.push_back({.name = "order",
                 .type = OptionType::kInteger,
                 .default_value = "2",
                 .help = "highest Hermite polynomial",
                 .minimum = 1,
                 .maximum = 4});
  all.push_back({.name = "sigma",
                 .type = OptionType::kNumber,
                 .default_value = "0.5",
                 .help = "scale of the polynomials; smaller is more cautious",
                 .minimum = 0.01,
                 .maximum = 1});
  return all;
}

}  // namespace

PolicyEntry hicache_entry() {
  return {.name = "hicache",
          .help = "compute every interval-th step, forecast by scaled Hermite polynomials in between",
          .disabled = "interval=1",
          .example = "interval=3,first=2,last=1",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<HiCache>(options);
          }};
}

}  // namespace ditto
