#include <algorithm>
#include <map>

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

/// The scores of one pair of clips.
struct Scores {
  std::vector<Row> rows;
  std::map<std::string, std::string> unavailable;  ///< of the metrics nobody named: the reason by name
  std::string frames;                              ///< what was compared
  bool identical = false;
};

Scores score_frames(const std::vector<std::string>& named, const at::Tensor& reference, const at::Tensor& candidate,
                    const std::string& frames) {
  Scores scores{{}, {}, frames, reference.equal(candidate)};
  for (const std::string& name : named.empty() ? kDefaultMetrics : named) {
    try {
      const MetricEntry& metric = find_metric("--metrics", name);
      scores.rows.push_back({name, metric.convention, metric.evaluate(reference, candidate)});
    } catch (const Error& error) {
      if (!named.empty()) throw;
      scores.unavailable[name] = error.what();
    }
  }
  return scores;
}

nlohmann::ordered_json to_json(const Scores& scores) {
  nlohmann::ordered_json json;
  std::string conventions;
  for (const Row& row : scores.rows) {
    json[row.metric] = to_json(row.result);
    conventions += fmt::format("{}{}: {}", conventions.empty() ? "" : "; ", row.metric, row.convention);
  }
  json["convention"] = conventions;
  json["frames"] = scores.frames;
  if (scores.identical) json["identical"] = true;
  if (!scores.unavailable.empty()) json["unavailable"] = scores.unavailable;
  return json;
}

/// For people, who are told on stderr what is missing; the JSON object holds it itself.
void show(Console& console, const Scores& scores) {
  for (const auto& [metric, reason] : scores.unavailable)
    console.note(fmt::format("{} is left out: {}", metric, reason));
  for (const Row& row : scores.rows) {
    console.result(fmt::format("{:<20} mean {:.6g}  worst {:.6g} (frame {})  p5 {:.6g}   {}", row.metric,
                               row.result.mean, row.result.worst, row.result.worst_frame, row.result.p5,
                               row.convention));
  }
  if (scores.identical) console.result("identical");
}

Scores score_latents(const CompareArguments& arguments, const at::Tensor& reference, const at::Tensor& candidate) {
  const bool other = std::ranges::any_of(arguments.metrics, [](const std::string& name) { return name != "latent"; });
  if (other) throw Error(ExitCode::kUsage, "--metrics: latents have no pixels; accepted: latent");
  if (arguments.crf) throw Error(ExitCode::kUsage, "--through-codec: has no effect on latents; accepted: frames");
  return {{{"latent", "relative L1 by latent frame", latent_distance(reference, candidate)}},
          {},
          "latents",
          reference.equal(candidate)};
}

}  // namespace

ExitCode compare_clips(Program& program, const CompareArguments& arguments) {
  ClipSource reference = ClipSource::read(arguments.reference), candidate = ClipSource::read(arguments.candidate);
  make_comparable(reference, candidate, arguments.align);
  const Scores scores = reference.latents.defined()
                            ? score_latents(arguments, reference.latents, candidate.latents)
                            : score_frames(arguments.metrics, reference.frames, candidate.frames, "raw");
  show(program.console, scores);
  nlohmann::ordered_json json = to_json(scores);
  if (arguments.crf) {
    const at::Tensor a = through_codec(reference.frames, *arguments.crf);
    const at::Tensor b = through_codec(candidate.frames, *arguments.crf);
    Scores coded = score_frames(arguments.metrics, a, b, fmt::format("crf={}", *arguments.crf));
    json["through_codec"] = to_json(coded);
    program.console.result(fmt::format("through H.264 at quality {}:", *arguments.crf));
    coded.unavailable.clear();  // said already
    show(program.console, coded);
  }
  program.console.event(json);
  return ExitCode::kDone;
}

}  // namespace ditto
