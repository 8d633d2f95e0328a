#include "eval/report/run_detail.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/metrics/registry.h"
#include "eval/record.h"
#include "io/atomic_file.h"
#include "io/json_file.h"
#include "io/safetensors.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kShownFrames = 6;
constexpr std::int64_t kMostPictureWidth = 192;

fs::path with_extension(fs::path stem, const char* extension) { return stem += extension; }

/// Larger pictures shrink; smaller ones stay, the page enlarges them.
at::Tensor small(const at::Tensor& pictures) {
  const std::int64_t height = pictures.size(1), width = pictures.size(2);
  if (width <= kMostPictureWidth) return pictures;
  const std::int64_t new_height = std::max<std::int64_t>(1, height * kMostPictureWidth / width);
  const at::Tensor planes = pictures.permute({0, 3, 1, 2}).to(at::kFloat);
  return at::_upsample_bilinear2d_aa(planes, {new_height, kMostPictureWidth}, false)
      .round()
      .clamp(0, 255)
      .to(at::kByte)
      .permute({0, 2, 3, 1})
      .contiguous();
}

std::vector<double> scores_of(const MetricEntry& metric, const at::Tensor& full, const at::Tensor& frames) {
  std::vector<double> scores;
  for (std::int64_t t = 0; t < frames.size(0); ++t) {
    scores.push_back(metric.evaluate(full.narrow(0, t, 1), frames.narrow(0, t, 1)).mean);
  }
  return scores;
}

Json to_json(const TimeBreakdown& time) {
  Json json;
  const std::vector<double> parts = time.parts();
  for (std::size_t k = 0; k < parts.size(); ++k) json[time_part_names()[k]] = parts[k];
  return json;
}

TimeBreakdown read_time(JsonReader reader) {
  TimeBreakdown time;
  double* const parts[] = {&time.text, &time.units,  &time.blends, &time.deciding,
                           &time.rest, &time.decode, &time.encode};
  for (std::size_t k = 0; k < std::size(parts); ++k) *parts[k] = reader.number(time_part_names()[k].c_str());
  reader.refuse_unknown_keys();
  return time;
}

}  // namespace

const std::vector<std::string>& time_part_names() {
  static const std::vector<std::string> kNames = {"text", "units", "blends", "deciding", "rest", "decode", "encode"};
  return kNames;
}

const std::vector<std::string>& frame_metrics() {
  static const std::vector<std::string> kNames = {"psnr", "ssim", "lpips-alex"};
  return kNames;
}

void compare_frames(RunDetail& detail, const at::Tensor& full, const at::Tensor& frames) {
  for (const std::string& name : frame_metrics()) {
    try {
      detail.frame_scores[name] = scores_of(find_metric("report", name), full, frames);
    } catch (const Error& error) {  // its weights are missing, or the frames are too small for it
      detail.frame_scores.erase(name);
      detail.unavailable[name] = error.what();
    }
  }
  const std::vector<double>& psnr = detail.frame_scores.at("psnr");
  const int last = static_cast<int>(psnr.size()) - 1;
  const int count = std::min(kShownFrames, last + 1);
  detail.shown_frames.clear();
  for (int k = 0; k < count; ++k) {
    detail.shown_frames.push_back(
        count == 1 ? 0 : static_cast<int>(std::lround(static_cast<double>(k) * last / (count - 1))));
  }
  detail.shown_frames.push_back(static_cast<int>(std::ranges::min_element(psnr) - psnr.begin()));
  const at::Tensor chosen = at::tensor(detail.shown_frames, at::kLong);
  detail.pictures = small(frames.index_select(0, chosen));
  detail.full_pictures = small(full.index_select(0, chosen));
}

void RunDetail::save(const fs::path& stem) const {
  Json json = {{"row", row},
               {"cache", cache},
               {"goal", goal},
               {"prompt", prompt},
               {"seed", seed},
               {"command", command},
               {"final_error", final_error},
               {"seconds", seconds},
               {"full_seconds", full_seconds},
               {"time", to_json(time)},
               {"full_time", to_json(full_time)},
               {"thresholds", Json::array()},
               {"errors", Json::array()},
               {"memory", Json::array()},
               {"frame_scores", frame_scores},
               {"unavailable", unavailable},
               {"shown_frames", shown_frames}};
  for (const auto& [label, value] : thresholds) json["thresholds"].push_back({{"label", label}, {"value", value}});
  for (const auto& [node, latent, prediction] : errors) {
    json["errors"].push_back({{"node", node}, {"latent", latent}, {"prediction", prediction}});
  }
  for (const auto& [node, bytes] : memory) json["memory"].push_back({{"node", node}, {"cache_bytes", bytes}});
  trace.write(with_extension(stem, ".jsonl"));
  save_safetensors(with_extension(stem, ".safetensors"), {{"pictures", pictures}, {"full_pictures", full_pictures}});
  write_text_file(with_extension(stem, ".json"), json.dump(1) + "\n");  // last: its presence says that all is there
}

bool RunDetail::exists(const fs::path& stem) {
  return std::ranges::all_of(std::array{".json", ".jsonl", ".safetensors"},
                             [&](const char* extension) { return fs::exists(with_extension(stem, extension)); });
}

RunDetail RunDetail::load(const fs::path& stem) {
  const fs::path path = with_extension(stem, ".json");
  const nlohmann::json document = read_json_file(path);
  JsonReader reader(document, path.string());
  RunDetail detail;
  detail.row = reader.text("row");
  detail.cache = reader.text("cache");
  detail.goal = reader.number("goal");
  detail.prompt = reader.text("prompt");
  detail.seed = reader.unsigned_integer("seed");
  detail.command = reader.text("command");
  detail.final_error = reader.number("final_error");
  detail.seconds = reader.number("seconds");
  detail.full_seconds = reader.number("full_seconds");
  detail.time = read_time(reader.object("time"));
  detail.full_time = read_time(reader.object("full_time"));
  for (JsonReader& level : reader.objects("thresholds")) {
    detail.thresholds.push_back({level.text("label"), level.number("value")});
  }
  for (JsonReader& error : reader.objects("errors")) {
    detail.errors.push_back(
        {static_cast<int>(error.integer("node")), error.number("latent"), error.number("prediction")});
  }
  for (JsonReader& step : reader.objects("memory")) {
    detail.memory.push_back({static_cast<int>(step.integer("node")), step.integer("cache_bytes")});
  }
  JsonReader scores = reader.object("frame_scores");
  JsonReader reasons = reader.object("unavailable");
  for (const std::string& metric : frame_metrics()) {
    if (scores.has(metric)) detail.frame_scores[metric] = scores.numbers(metric);
    if (reasons.has(metric)) detail.unavailable[metric] = reasons.text(metric);
  }
  for (const std::int64_t frame : reader.integers("shown_frames"))
    detail.shown_frames.push_back(static_cast<int>(frame));
  reader.refuse_unknown_keys();
  detail.trace = Trace::read(with_extension(stem, ".jsonl"));
  const SafetensorsFile tensors(with_extension(stem, ".safetensors"));
  detail.pictures = tensors.tensor("pictures").clone();
  detail.full_pictures = tensors.tensor("full_pictures").clone();
  return detail;
}

}  // namespace ditto
