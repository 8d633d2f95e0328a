#include "eval/metrics/registry.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest_name.h"
#include "core/printable.h"
#include "eval/metrics/lpips.h"
#include "eval/metrics/psnr.h"
#include "eval/metrics/ssim.h"
#include "eval/metrics/ssim_variants.h"
#include "eval/metrics/temporal.h"

namespace ditto {
namespace {

MetricResult whole_clip(double score) { return {score, score, 0, score}; }

/// A network's weights, read when they are first needed.
const Lpips& lpips(LpipsNetwork network) {
  static std::map<LpipsNetwork, Lpips> loaded;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto it = loaded.find(network);
  return it != loaded.end() ? it->second : loaded.emplace(network, Lpips::load(network, lpips_folder())).first->second;
}

MetricEntry lpips_entry(LpipsNetwork network, bool spatial) {
  const auto evaluate = [=](const at::Tensor& reference, const at::Tensor& candidate) {
    std::vector<double> scores;
    for (const Lpips::Distance& distance : lpips(network).per_frame(reference, candidate)) {
      scores.push_back(spatial ? distance.spatial : distance.mean);
    }
    return summarise_scores(scores, BetterScore::kLower);
  };
  const auto unavailable = [=]() -> std::optional<std::string> {
    const std::filesystem::path file = std::filesystem::path(lpips_folder()) / (lpips_name(network) + ".safetensors");
    if (std::filesystem::exists(file)) return std::nullopt;
    return fmt::format("its weights are missing ({}); 'make lpips' fetches those of alex and vgg", file.string());
  };
  return {.name = "lpips-" + lpips_name(network) + (spatial ? "-spatial" : ""),
          .convention =
              fmt::format("LPIPS v0.1, {}, mean over frames", spatial ? "maps enlarged to the frame" : "mean of maps"),
          .better = BetterScore::kLower,
          .evaluate = evaluate,
          .unavailable = unavailable};
}

}  // namespace

std::span<const MetricEntry> metrics() {
  static const std::vector<MetricEntry> entries = {
      {.name = "psnr", .convention = "dB, mean over frames, RGB, capped at 100", .evaluate = psnr},
      {.name = "psnr-clip",
       .convention = "dB of one squared error over the whole clip",
       .evaluate = [](const at::Tensor& a, const at::Tensor& b) { return whole_clip(psnr_clip(a, b)); }},
      {.name = "ssim", .convention = "Gaussian window 11, sigma 1.5, valid region, RGB mean", .evaluate = ssim},
      {.name = "ssim-skimage", .convention = "uniform window 7, sample covariance, RGB mean", .evaluate = ssim_skimage},
      {.name = "ms-ssim", .convention = "five scales, Gaussian window 11, RGB mean", .evaluate = ms_ssim},
      lpips_entry(LpipsNetwork::kAlex, false),
      lpips_entry(LpipsNetwork::kAlex, true),
      lpips_entry(LpipsNetwork::kVgg, false),
      lpips_entry(LpipsNetwork::kVgg, true),
      lpips_entry(LpipsNetwork::kSqueeze, false),
      lpips_entry(LpipsNetwork::kSqueeze, true),
      {.name = "flicker", .convention = "steadiness of the candidate, 1 for a still clip", .evaluate = flicker},
      {.name = "motion", .convention = "mean flow of the candidate in pixels a frame, Farneback", .evaluate = motion},
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
