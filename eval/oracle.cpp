#include "eval/oracle.h"

#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "eval/blank_line.h"
#include "eval/record.h"
#include "io/json_file.h"

namespace ditto {
namespace {

const OracleCurve* curve_of(std::span<const OracleCurve> oracle, const EvaluationRecord& record) {
  const auto it = std::ranges::find_if(
      oracle, [&](const OracleCurve& curve) { return curve.prompt == record.prompt && curve.seed == record.seed; });
  return it == oracle.end() ? nullptr : &*it;
}

/// How far one clip is above the oracle; none when it has no PSNR or computed a number of units that was not searched.
std::optional<double> gap_of(const EvaluationRecord& record, const OracleCurve& curve) {
  const auto psnr = record.scores.find("psnr");
  const double computed =
      curve.steps * static_cast<double>(record.units_computed) / static_cast<double>(record.units_total);
  const std::optional<double> best = curve.psnr_at(computed);
  if (!best || psnr == record.scores.end()) return std::nullopt;
  return psnr->second - *best;
}

std::string search_text(const OracleCurve& curve) {
  return fmt::format("width {}, {} rounds of moves, {} to {} computed steps of {}", curve.beam, curve.rounds,
                     curve.points.front().computed, curve.points.back().computed, curve.steps);
}

std::map<std::string, std::string> read_request(const nlohmann::json& object, const std::string& source) {
  JsonReader reader(object, source, "request.");
  std::map<std::string, std::string> request;
  for (const auto& [name, value] : object.items()) request[name] = reader.text(name);
  return request;
}

bool belongs_to(const EvaluationRecord& record, const SettingSummary& setting) {
  return record.row == setting.row && record.cache == setting.cache && record.goal == setting.goal;
}

}  // namespace

std::optional<double> OracleCurve::psnr_at(double computed) const {
  const auto after = std::ranges::find_if(points, [&](const OraclePoint& point) { return point.computed >= computed; });
  if (after == points.end()) return std::nullopt;
  if (after->computed == computed) return after->psnr;
  if (after == points.begin()) return std::nullopt;
  const OraclePoint& before = *(after - 1);
  const double share = (computed - before.computed) / (after->computed - before.computed);
  return before.psnr + share * (after->psnr - before.psnr);
}

nlohmann::ordered_json OracleCurve::to_json() const {
  nlohmann::ordered_json json = {{"prompt", prompt}, {"seed", seed},     {"steps", steps},
                                 {"beam", beam},     {"rounds", rounds}, {"key", key}};
  if (!request.empty()) json["request"] = request;
  for (const OraclePoint& point : points) {
    json["points"].push_back({{"computed", point.computed}, {"psnr", point.psnr}, {"pattern", point.pattern}});
  }
  return json;
}

OracleCurve OracleCurve::parse(const std::string& line, const std::string& source) {
  const nlohmann::json json = parse_json(line, source);
  JsonReader reader(json, source);
  OracleCurve curve;
  curve.prompt = reader.text("prompt");
  curve.seed = reader.unsigned_integer("seed");
  curve.steps = static_cast<int>(reader.integer("steps", {1, 100'000}));
  curve.beam = static_cast<int>(reader.integer("beam", {1, 100'000}));
  curve.rounds = static_cast<int>(reader.integer("rounds", {0, 100'000}));
  curve.key = reader.text("key");
  if (reader.has("request")) curve.request = read_request(reader.value("request"), source);
  for (JsonReader& point : reader.objects("points")) {
    const int computed = static_cast<int>(point.integer("computed", {1, curve.steps}));
    if (!curve.points.empty() && computed <= curve.points.back().computed) {
      point.fail("computed", "does not ascend", "points by ascending number of computed steps");
    }
    curve.points.push_back({computed, point.number("psnr"), point.text("pattern")});
    point.refuse_unknown_keys();
  }
  if (curve.points.empty()) reader.fail("points", "is empty", "at least one number of computed steps");
  reader.refuse_unknown_keys();
  return curve;
}

std::optional<std::string> mismatch(const OracleCurve& curve, const std::map<std::string, std::string>& request) {
  if (curve.request.empty()) return "it does not say what was searched";
  for (const auto& [name, here] : request) {
    const auto there = curve.request.find(name);
    if (there == curve.request.end()) return fmt::format("{} is not named there and {} here", name, here);
    if (there->second != here) return fmt::format("{} is {} there and {} here", name, there->second, here);
  }
  return std::nullopt;
}

std::vector<OracleCurve> read_oracle(const std::filesystem::path& path) {
  std::vector<OracleCurve> curves;
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (is_blank(line)) continue;
    OracleCurve curve = OracleCurve::parse(line, fmt::format("{}:{}", path.string(), number));
    std::erase_if(curves, [&](const OracleCurve& c) { return c.prompt == curve.prompt && c.seed == curve.seed; });
    curves.push_back(std::move(curve));
  }
  return curves;
}

void add_oracle_gaps(std::span<SettingSummary> settings, std::span<const EvaluationRecord> records,
                     std::span<const OracleCurve> oracle) {
  for (SettingSummary& setting : settings) {
    std::vector<double> gaps;
    for (const EvaluationRecord& record : records) {
      const OracleCurve* curve = belongs_to(record, setting) ? curve_of(oracle, record) : nullptr;
      if (curve == nullptr) continue;
      if (const std::optional<double> gap = gap_of(record, *curve)) gaps.push_back(*gap);
    }
    if (gaps.empty() || gaps.size() != oracle.size()) continue;
    double sum = 0;
    for (const double gap : gaps) sum += gap;
    setting.oracle_gap = sum / static_cast<double>(gaps.size());
  }
}

std::string oracle_note(std::span<const OracleCurve> oracle) {
  if (oracle.empty()) return {};
  std::set<std::string> options;
  for (const OracleCurve& curve : oracle) options.insert(search_text(curve));
  const bool alike = options.size() == 1;
  std::string text = fmt::format(
      "\n\"dB to the oracle\": PSNR minus that of the best schedule a beam search {}finds at equal computed units, "
      "each "
      "step computed or reusing the change made by all units; mean over these clips, empty where one of them lies "
      "outside of the numbers of computed steps that were searched:\n\n",
      alike ? fmt::format("({}) ", *options.begin()) : "");
  for (const OracleCurve& curve : oracle) {
    text += fmt::format("- {} (seed {}){}\n", curve.prompt, curve.seed, alike ? "" : ": " + search_text(curve));
  }
  return text;
}

}  // namespace ditto
