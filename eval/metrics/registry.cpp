#include "eval/metrics/registry.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest_name.h"
#include "core/printable.h"
#include "eval/metrics/psnr.h"
#include "eval/metrics/ssim.h"

namespace ditto {
namespace {

MetricResult whole_clip(double score) { return {score, score, 0, score}; }

}  // namespace

std::span<const MetricEntry> metrics() {
  static const std::vector<MetricEntry> entries = {
      {.name = "psnr", .convention = "dB, mean over frames, RGB, capped at 100", .evaluate = psnr},
      {.name = "psnr-clip",
       .convention = "dB of one squared error over the whole clip",
       .evaluate = [](const at::Tensor& a, const at::Tensor& b) { return whole_clip(psnr_clip(a, b)); }},
      {.name = "ssim", .convention = "Gaussian window 11, sigma 1.5, valid region, RGB mean", .evaluate = ssim},
  };
  return entries;
}

const MetricEntry& find_metric(const std::string& option, const std::string& name) {
  const auto entries = metrics();
  const auto it = std::ranges::find(entries, name, &MetricEntry::name);
  if (it == entries.end()) {
    std::vector<std::string> names;
    for (const MetricEntry& entry : entries) names.push_back(entry.name);
    const std::string nearest = nearest_name(name, names);
    throw Error(ExitCode::kUsage, fmt::format("{}: there is no metric '{}'{}; accepted: {}", option, printable(name),
                                              nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest),
                                              fmt::join(names, ", ")));
  }
  if (const std::optional<std::string> reason = it->unavailable()) {
    throw Error(ExitCode::kUsage,
                fmt::format("{}: '{}' is not available: {}; accepted: another metric, see dit-eval metrics", option,
                            name, *reason));
  }
  return *it;
}

}  // namespace ditto
