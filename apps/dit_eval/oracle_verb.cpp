#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/common/progress_text.h"
#include "apps/dit_eval/evaluation.h"
#include "apps/dit_eval/scenario.h"
#include "apps/dit_eval/verbs.h"
#include "eval/metrics/psnr.h"
#include "eval/oracle.h"
#include "io/atomic_file.h"
#include "io/sha256.h"
#include "runtime/run_setup.h"
#include "runtime/schedule_search.h"

namespace ditto {
namespace {

constexpr int kPrompts = 3;          ///< that are searched unless told otherwise
constexpr std::size_t kDecoded = 4;  ///< of the nearest latents, the one with the best PSNR counts

/// One line on the progress of a search over all prompts, redrawn or now and then.
class SearchProgress {
 public:
  SearchProgress(Console& console, int prompts) : console_(console), prompts_(prompts) {}

  void begin(int prompt) {
    prompt_ = prompt;
    start_ = Clock::now();
    next_line_ = {};
  }

  void operator()(std::int64_t done, std::int64_t total) {
    const auto now = Clock::now();
    if (now < next_line_) return;
    next_line_ = now + (console_.redraws() ? std::chrono::milliseconds(200) : std::chrono::seconds(20));
    const double left = std::chrono::duration<double>(now - start_).count() / static_cast<double>(done) *
                        static_cast<double>(total - done);
    const std::string line = fmt::format("oracle: prompt {}/{}  evaluation {}/{}  ETA of this prompt {}", prompt_,
                                         prompts_, done, total, clock_time(left));
    if (console_.redraws()) {
      console_.status(line);
    } else {
      console_.note(line);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  Console& console_;
  int prompts_, prompt_ = 0;
  Clock::time_point start_, next_line_;
};

OraclePoint best_of(const VideoModel& model, const at::Tensor& reference, int computed,
                    const std::vector<FoundSchedule>& found, const std::stop_token& stop) {
  OraclePoint best{computed, -1, {}};
  for (std::size_t k = 0; k < std::min(found.size(), kDecoded); ++k) {
    const at::Tensor pixels = model.decode(found[k].latents, [&](int, int) { return !stop.stop_requested(); });
    if (stop.stop_requested()) throw Cancelled();
    const double score = psnr(reference, to_frames(pixels)).mean;
    if (score > best.psnr) best = {computed, score, found[k].pattern};
  }
  return best;
}

int wanted_prompts(const OracleArguments& arguments, const Scenario& scenario) {
  const int all = static_cast<int>(scenario.prompts.size());
  if (!arguments.prompts) return std::min(all, kPrompts);
  if (*arguments.prompts <= all) return *arguments.prompts;
  throw Error(ExitCode::kUsage, fmt::format("--prompts: {} are more than {} has; accepted: 1 to {}", *arguments.prompts,
                                            scenario.path.string(), all));
}

std::vector<int> wanted_numbers(const OracleArguments& arguments, int steps) {
  std::vector<int> computed = arguments.computed;
  if (computed.empty()) {
    for (const double share : {0.24, 0.32, 0.4, 0.5, 0.66}) {
      computed.push_back(std::max(1, static_cast<int>(std::lround(share * steps))));
    }
  }
  for (const int wanted : computed) {
    if (wanted > steps) {
      throw Error(ExitCode::kUsage, fmt::format("--compute: {} is out of range; accepted: 1 to {}", wanted, steps));
    }
  }
  std::ranges::sort(computed);
  computed.erase(std::ranges::unique(computed).begin(), computed.end());
  return computed;
}

/// What was searched before in the same way, beside `curve`.
void add_points(OracleCurve& curve, const OracleCurve& earlier) {
  for (const OraclePoint& point : earlier.points) {
    if (std::ranges::find(curve.points, point.computed, &OraclePoint::computed) == curve.points.end()) {
      curve.points.push_back(point);
    }
  }
  std::ranges::sort(curve.points, {}, &OraclePoint::computed);
}

void append(const std::filesystem::path& path, const OracleCurve& curve) {
  std::string text;
  for (const OracleCurve& other : read_oracle(path)) {
    if (other.prompt != curve.prompt || other.seed != curve.seed) text += other.to_json().dump() + "\n";
  }
  write_text_file(path, text + curve.to_json().dump() + "\n");
}

void search(Program& program, const Scenario& scenario, const OracleArguments& arguments) {
  const int prompts = wanted_prompts(arguments, scenario);
  Evaluation evaluation(program, scenario, arguments.folder);
  const int steps =
      resolve(evaluation.model(), evaluation.request_for(scenario.prompts.front(), scenario.seeds.front())).steps;
  const std::vector<int> computed = wanted_numbers(arguments, steps);
  evaluation.open_folder();
  const std::filesystem::path path = arguments.folder / "oracle.jsonl";
  SearchProgress progress(program.console, prompts);
  for (int k = 0; k < prompts; ++k) {
    const Request request =
        evaluation.request_for(scenario.prompts[static_cast<std::size_t>(k)], scenario.seeds.front());
    ScheduleSearchOptions options{computed, arguments.beam, arguments.rounds, program.interrupt.token()};
    OracleCurve curve;
    curve.key = sha256(fmt::format("{} {} {}", evaluation.request_key(request), options.beam, options.rounds));
    const std::vector<OracleCurve> all = read_oracle(path);
    curve.request = evaluation.shared_request();
    const auto same = [&](const OracleCurve& c) { return c.key == curve.key && c.request == curve.request; };
    const auto earlier = std::ranges::find_if(all, same);
    if (earlier != all.end()) {
      std::erase_if(options.computed, [&](int number) {
        return std::ranges::find(earlier->points, number, &OraclePoint::computed) != earlier->points.end();
      });
      if (options.computed.empty()) continue;
    }
    curve.prompt = request.prompt;
    curve.seed = request.seed;
    curve.steps = steps;
    curve.beam = options.beam;
    curve.rounds = options.rounds;
    progress.begin(k + 1);
    options.on_evaluation = std::ref(progress);
    const at::Tensor reference = evaluation.full_frames(request);
    for (const auto& [computed, found] : search_schedules(evaluation.model(), request, options)) {
      curve.points.push_back(best_of(evaluation.model(), reference, computed, found, options.stop));
    }
    if (earlier != all.end()) add_points(curve, *earlier);
    append(path, curve);
  }
}

}  // namespace

ExitCode search_oracle(Program& program, const OracleArguments& arguments) {
  if (arguments.folder.empty()) {
    throw Error(ExitCode::kUsage, "-o: is missing; accepted: a folder for the results");
  }
  const Scenario scenario = Scenario::read(arguments.scenario);
  try {
    search(program, scenario, arguments);
  } catch (const Cancelled&) {
    throw Error(
        ExitCode::kInterrupted,
        fmt::format("interrupted: stopped after a step; the same command goes on with the prompt it was at ({})",
                    arguments.folder.string()));
  }
  for (const OracleCurve& curve : read_oracle(arguments.folder / "oracle.jsonl")) {
    program.console.event(curve.to_json());
    program.console.result(fmt::format("{} (seed {})", curve.prompt, curve.seed));
    for (const OraclePoint& point : curve.points) {
      program.console.result(fmt::format("  {:>3} computed  {:.1f} dB  {}", point.computed, point.psnr, point.pattern));
    }
  }
  return ExitCode::kDone;
}

}  // namespace ditto
