// Decisions from files: planned schedules and traces of earlier runs.

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "caches/patterns.h"

namespace ditto::test {
namespace {

constexpr const char* kStack =
    R"({"name": "stack", "scope": "units", "begin": 0, "end": 9, "form": "delta", "keep": 2})";

class ScheduleFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("ditto-") + test->name() + "-" + std::to_string(getpid()) + ".jsonl");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  /// Lines of a schedule for `steps` steps over the toy's stack; `members` are added to the first line.
  static std::string schedule_of(const std::string& conditional, const std::string& members = "") {
    std::string text = "{\"run\": {\"steps\": " + std::to_string(conditional.size()) + ", \"sites\": [" + kStack + "]" +
                       members + "}}\n";
    for (std::size_t step = 0; step < conditional.size(); ++step) {
      for (const char* branch : {"conditional", "unconditional"}) {
        if (conditional[step] == '.') continue;
        text += "{\"step\": " + std::to_string(step) + ", \"branch\": \"" + branch + "\", \"site\": \"stack\", " +
                (conditional[step] == 'C'   ? "\"action\": \"recompute\"}\n"
                 : conditional[step] == 'R' ? "\"action\": \"blend\"}\n"
                                            : "\"action\": \"blend\", \"weights\": [1.5, -0.5]}\n");
      }
    }
    return text;
  }
  void save(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  std::string schedule() const { return "schedule:file=" + path_.string(); }
  std::string replay() const { return "replay:file=" + path_.string(); }
  /// The refusal without the file's name.
  std::string refusal(const std::string& specification, const Request& request = toy_request(4)) const {
    const std::string message = run_refusal({specification}, request, ExitCode::kBadInputFile);
    EXPECT_EQ(message.rfind(path_.string() + ": ", 0), 0U) << message;
    return message.substr(std::min(message.size(), path_.string().size() + 2));
  }

  std::filesystem::path path_;
};

TEST_F(ScheduleFile, IsFollowed) {
  save(schedule_of("CCFRCR"));
  const Result result = run_toy(ToyModel(), toy_request(6), {schedule()});
  for (const Branch branch : kBothBranches) EXPECT_EQ(result.trace.pattern("stack", branch), "CCFRCR");
  EXPECT_EQ(result.trace.events[4].weights, (std::vector<float>{1.5F, -0.5F}));
}

TEST_F(ScheduleFile, FitsAnySeedPromptAndSolver) {
  save(schedule_of("CRCR"));
  Request request = toy_request(4);
  request.seed = 5;
  request.prompt = "another";
  request.solver = "unipc";
  request.shift = 8.0;
  EXPECT_EQ(run_toy(ToyModel(), request, {schedule()}).trace.pattern("stack", Branch::kConditional), "CRCR");
}

TEST_F(ScheduleFile, JumpsOverSteps) {
  save(schedule_of("C.RC.C", ", \"jumped\": [1, 4]"));
  const Result result = run_toy(ToyModel(), toy_request(6), {schedule()});
  EXPECT_EQ(result.trace.run.grid.nodes, (std::vector<int>{0, 2, 3, 5}));
  EXPECT_EQ(result.trace.pattern("stack", Branch::kConditional), "C.RC.C");
}

TEST_F(ScheduleFile, RecomputesWhatItDoesNotMention) {
  save("{\"run\": {\"steps\": 4, \"sites\": [" + std::string(kStack) + "]}}\n");
  const Result result = run_toy(ToyModel(), toy_request(4), {schedule()});
  EXPECT_EQ(result.trace.pattern("stack", Branch::kConditional), "CCCC");
  EXPECT_EQ(result.trace.events.front().reason, "not in the file");
}

TEST_F(ScheduleFile, OfATraceIsReplayedToTheSameBits) {
  const ToyModel toy;
  const std::vector<std::string> policies = {"steps:compute=7", "taylorseer:interval=2,first=2,axis=sigma",
                                             "easycache:first=2,threshold=0.2"};
  const Result original = run_toy(toy, toy_request(10), policies);
  original.trace.write(path_);
  for (const std::string& specification : {replay(), schedule()}) {
    Result result = run_toy(toy, toy_request(10), {specification});
    EXPECT_TRUE(same_bits(result.latents, original.latents));
    result.trace.run.policies = original.trace.run.policies;
    EXPECT_EQ(result.trace.to_json_lines(), original.trace.to_json_lines());
  }
}

TEST_F(ScheduleFile, ThatIsMissingIsRefused) {
  EXPECT_EQ(refusal(schedule()), "cannot be opened: No such file or directory; accepted: a readable file");
  EXPECT_EQ(refusal(replay()), "cannot be opened: No such file or directory; accepted: a readable file");
}

TEST_F(ScheduleFile, ThatIsTornIsNoReplay) {
  save(schedule_of("CCFR"));
  EXPECT_EQ(refusal(replay()), "ends without the line \"result\"; accepted: the whole trace of a run, or --schedule");
}

TEST_F(ScheduleFile, OfAnotherRunIsRefused) {
  save(schedule_of("CRCR"));
  EXPECT_EQ(refusal(schedule(), toy_request(5)), "made for steps 4; this run has 5; accepted: equal --steps");

  save(schedule_of("CRCR", ", \"units\": 12"));
  EXPECT_EQ(refusal(schedule()), "made for 12 units; this model has 9; accepted: a file of a model of this depth");

  save(schedule_of("CRCR", ", \"model\": {\"name\": \"wan\", \"weight_hash\": \"0123456789abcdef\"}"));
  EXPECT_EQ(refusal(schedule()),
            "made for model 'wan' (weights 0123456789ab); this is 'toy' (weights 000000000000); accepted: a file of "
            "the same weights");

  save(
      "{\"run\": {\"steps\": 4, \"sites\": [{\"name\": \"deep\", \"scope\": \"units\", \"begin\": 0, \"end\": 30, "
      "\"form\": \"delta\", \"keep\": 1}]}}\n");
  EXPECT_EQ(refusal(schedule()),
            "its sites do not fit the model (--cache: site 'deep' covers units 0 to 30; the model has 9); accepted: "
            "sites of this model");
}

TEST_F(ScheduleFile, OfOtherSettingsIsRefused) {
  const ToyModel toy;
  run_toy(toy, toy_request(4), {"interval"}).trace.write(path_);
  EXPECT_EQ(run_refusal({replay()}, toy_request(4)), "accepted");
  Request request = toy_request(4);
  request.shift = 5.0;
  EXPECT_EQ(refusal(replay(), request), "made for shift 3; this run has 5; accepted: equal --shift");
  EXPECT_EQ(refusal(schedule(), request), "made for shift 3; this run has 5; accepted: equal --shift");
  request = toy_request(4);
  request.guidance = 7.0;
  EXPECT_EQ(refusal(replay(), request), "made for guidance 2; this run has 7; accepted: equal --guidance");
  Trace unstated = Trace::read(path_);
  unstated.run.guidance = 0;  // as a file that does not say, or one of guidance 0
  unstated.write(path_);
  request.guidance = 1.0;
  EXPECT_EQ(refusal(replay(), request), "made for 2 branch(es); this run has 1; accepted: a --guidance with as many");
  request = toy_request(4);
  request.solver = "unipc";
  EXPECT_EQ(refusal(replay(), request), "made for solver euler; this run has unipc; accepted: equal --solver");
}

TEST_F(ScheduleFile, ReplayedAtOtherNoiseLevelsIsRefused) {
  const ToyModel toy;
  Trace trace = run_toy(toy, toy_request(4), {"interval"}).trace;
  trace.run.shift = 0;  // as a file that does not say
  trace.write(path_);
  Request request = toy_request(4);
  request.shift = 5.0;
  EXPECT_EQ(refusal(replay(), request),
            "recorded with other noise levels than those of this run; accepted: equal --solver and --shift");
  EXPECT_EQ(run_refusal({schedule()}, request), "accepted") << "a plan is for any noise levels";
}

TEST_F(ScheduleFile, WithTooFewWeightsIsRefused) {
  save(
      "{\"run\": {\"steps\": 2, \"sites\": [{\"name\": \"bands\", \"scope\": \"prediction\", \"form\": \"delta\", "
      "\"keep\": "
      "1, \"split\": \"frequency_bands\"}]}}\n"
      "{\"step\": 0, \"branch\": \"conditional\", \"site\": \"bands\", \"action\": \"recompute\"}\n"
      "{\"step\": 1, \"branch\": \"conditional\", \"site\": \"bands\", \"action\": \"blend\"}\n");
  EXPECT_EQ(refusal(schedule(), toy_request(2)),
            "step 1, conditional branch, site 'bands' blends with 1 weights; accepted: 2 for each snapshot");
}

TEST_F(ScheduleFile, ThatJumpsOverTheFirstStepIsRefused) {
  save("{\"run\": {\"steps\": 4, \"sites\": [], \"jumped\": [0, 1]}}\n");
  EXPECT_EQ(refusal(schedule()), "jumps over step 0; accepted: a run that begins at the first step");
}

TEST_F(ScheduleFile, ThatContradictsItselfIsRefused) {
  const std::string head = "{\"run\": {\"steps\": 4, \"sites\": [" + std::string(kStack) + "], \"jumped\": [2]}}\n";
  const auto line = [](int step, const std::string& rest) {
    return "{\"step\": " + std::to_string(step) + ", \"branch\": \"conditional\", \"site\": \"stack\", " + rest + "}\n";
  };
  const std::string recompute = "\"action\": \"recompute\"", blend = "\"action\": \"blend\"";
  save(head + line(1, recompute) + line(0, recompute));
  EXPECT_EQ(refusal(schedule()), "step 0 comes after step 1; accepted: ascending steps");

  save(head + line(0, blend));
  EXPECT_EQ(refusal(schedule()),
            "step 0, conditional branch, site 'stack' blends 1 snapshots where 0 can be stored; accepted: blends of "
            "what was computed before");

  save(head + line(0, recompute) + line(1, recompute) + line(3, blend + ", \"weights\": [1, 1, -1]"));
  EXPECT_EQ(refusal(schedule()),
            "step 3, conditional branch, site 'stack' blends 3 snapshots where 2 can be stored; accepted: blends of "
            "what was computed before");

  save(head + line(0, recompute) + line(1, recompute) + line(1, blend));
  EXPECT_EQ(refusal(schedule()),
            "step 1, conditional branch, site 'stack' is decided twice; accepted: one decision for each");

  save(head + line(0, recompute) + line(2, blend));
  EXPECT_EQ(refusal(schedule()),
            "step 2, conditional branch, site 'stack' is decided although the step is jumped over; accepted: "
            "decisions for visited steps");
}

}  // namespace
}  // namespace ditto::test
