#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/dit_eval/clip_source.h"
#include "apps/dit_eval/codec_pass.h"
#include "apps/dit_eval/verbs.h"
#include "eval/metrics/latent.h"
#include "eval/metrics/registry.h"

namespace ditto {
namespace {

/// What is computed when no metric is named: those that are available and defined for the clips.
const std::vector<std::string> kDefaultMetrics = {"psnr", "ssim", "lpips-alex"};

nlohmann::ordered_json to_json(const MetricResult& result) {
  return {{"mean", result.mean}, {"worst", result.worst}, {"worst_frame", result.worst_frame}, {"p5", result.p5}};
}

struct Row {
  std::string metric, convention;
  MetricResult result;
};

std::vector<Row> score_frames(Program& program, const std::vector<std::string>& named, const at::Tensor& reference,
                              const at::Tensor& candidate) {
  std::vector<Row> rows;
  for (const std::string& name : named.empty() ? kDefaultMetrics : named) {
    try {
      const MetricEntry& metric = find_metric("--metrics", name);
      rows.push_back({name, metric.convention, metric.evaluate(reference, candidate)});
    } catch (const Error& error) {
      if (!named.empty()) throw;
      program.console.warn(error.what());
    }
  }
  return rows;
}

void report(Program& program, const std::vector<Row>& rows, const std::string& what, bool identical) {
  nlohmann::ordered_json json;
  std::string conventions;
  for (const Row& row : rows) {
    json[row.metric] = to_json(row.result);
    conventions += fmt::format("{}{}: {}", conventions.empty() ? "" : "; ", row.metric, row.convention);
    program.console.result(fmt::format("{:<20} mean {:.6g}  worst {:.6g} (frame {})  p5 {:.6g}   {}", row.metric,
                                       row.result.mean, row.result.worst, row.result.worst_frame, row.result.p5,
                                       row.convention));
  }
  json["convention"] = conventions;
  json["frames"] = what;
  if (identical) {
    json["identical"] = true;
    program.console.result("identical");
  }
  program.console.event(json);
}

}  // namespace

ExitCode compare_clips(Program& program, const CompareArguments& arguments) {
  ClipSource reference = ClipSource::read(arguments.reference), candidate = ClipSource::read(arguments.candidate);
  make_comparable(reference, candidate, arguments.align);
  if (reference.latents.defined()) {
    const bool other = std::ranges::any_of(arguments.metrics, [](const std::string& name) { return name != "latent"; });
    if (other) throw Error(ExitCode::kUsage, "--metrics: latents have no pixels; accepted: latent");
    if (arguments.crf) throw Error(ExitCode::kUsage, "--through-codec: has no effect on latents; accepted: frames");
    report(program, {{"latent", "relative L1 by latent frame", latent_distance(reference.latents, candidate.latents)}},
           "latents", reference.latents.equal(candidate.latents));
    return ExitCode::kDone;
  }
  report(program, score_frames(program, arguments.metrics, reference.frames, candidate.frames), "raw",
         reference.frames.equal(candidate.frames));
  if (arguments.crf) {
    program.console.result(fmt::format("through H.264 at quality {}:", *arguments.crf));
    const at::Tensor a = through_codec(reference.frames, *arguments.crf);
    const at::Tensor b = through_codec(candidate.frames, *arguments.crf);
    report(program, score_frames(program, arguments.metrics, a, b), fmt::format("crf={}", *arguments.crf), a.equal(b));
  }
  return ExitCode::kDone;
}

}  // namespace ditto
