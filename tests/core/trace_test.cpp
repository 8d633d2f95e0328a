#include "core/trace.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"

namespace ditto {
namespace {

class TraceFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("ditto-") + test->name() + "-" + std::to_string(getpid()) + ".jsonl");
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void save(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path_, std::ios::binary).rdbuf();
    return out.str();
  }
  std::string refusal() const {
    try {
      Trace::read(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      return error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "no ditto::Error but: " << error.what();
    }
    return "";
  }

  std::filesystem::path path_;
};

Trace full_trace() {
  Trace trace;
  trace.run.version = "0.1.0";
  trace.run.model = {"wan \"mini\"", "ab12"};
  trace.run.policies = {"interval:interval=2", "easycache:threshold=0.05"};
  trace.run.sites = {{"blocks.0-1", Scope::kUnits, 0, 6, FeatureForm::kDelta, 1},
                     {"blocks.2.self_attention", Scope::kUnits, 6, 7, FeatureForm::kOutput, 3},
                     {"prediction.branch_delta", Scope::kPrediction, 0, 0, FeatureForm::kBranchDelta, 2}};
  trace.run.seed = std::numeric_limits<std::uint64_t>::max();
  trace.run.solver = "unipc";
  trace.run.shift = 3;
  trace.run.guidance = 5.5;
  trace.run.width = 64;
  trace.run.height = 48;
  trace.run.frames = 17;
  trace.run.steps = 5;
  trace.run.grid = {{0.999999, 0.1 + 0.2, 1.0 / 3, 0.05, 0}, {0, 1, 3, 4}};
  trace.run.branches = {Branch::kConditional, Branch::kUnconditional};
  trace.run.units = 9;
  const auto event = [](int step, Branch branch, const char* site, Action action, std::optional<double> score, int age,
                        std::vector<float> weights) {
    return TraceEvent{step, branch, site, action, "because \xC3\xA9 \"it\"", score, age, std::move(weights)};
  };
  const auto yes = Action::kRecompute;
  const auto no = Action::kBlend;
  trace.events = {event(0, Branch::kConditional, "blocks.0-1", yes, {}, -1, {}),
                  event(1, Branch::kConditional, "blocks.0-1", no, 1.0 / 3, 1, {1.0F}),
                  event(3, Branch::kUnconditional, "blocks.2.self_attention", no, -0.0, 2, {1.1F, -0.1F, 1e-7F}),
                  event(4, Branch::kConditional, "blocks.0-1", yes, std::nan(""), 3, {}),
                  event(4, Branch::kUnconditional, "blocks.0-1", yes, -INFINITY, 3, {}),
                  event(4, Branch::kUnconditional, "prediction.branch_delta", yes, INFINITY, 3, {})};
  trace.result = TraceResult{"cd34", 31, 90};
  return trace;
}

TEST_F(TraceFile, IsWrittenReadAndWrittenAgainToTheSameBytes) {
  full_trace().write(path_);
  const std::string first = text();
  EXPECT_EQ(first, full_trace().to_json_lines());
  const Trace read = Trace::read(path_);
  EXPECT_EQ(read.to_json_lines(), first);
  EXPECT_EQ(read.run.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read.run.grid.nodes, (std::vector<int>{0, 1, 3, 4}));
  EXPECT_EQ(read.run.grid.sigmas, full_trace().run.grid.sigmas);
  EXPECT_EQ(read.events.at(2).weights, full_trace().events.at(2).weights);
  EXPECT_TRUE(std::isnan(read.events.at(3).score.value()));
  EXPECT_EQ(read.events.at(4).score, -INFINITY);
}

TEST_F(TraceFile, OfAScheduleNeedsNoMoreThanStepsSitesAndActions) {
  save(
      R"({"run": {"steps": 4, "sites": [{"name": "s", "scope": "units", "begin": 0, "end": 3, "form": "delta", "keep": 1}]}}

{"step": 0, "branch": "conditional", "site": "s", "action": "recompute"}
{"step": 1, "branch": "conditional", "site": "s", "action": "blend"}
)");
  const Trace trace = Trace::read(path_);
  EXPECT_EQ(trace.pattern("s", Branch::kConditional), "CR--");
  EXPECT_EQ(trace.pattern("s", Branch::kUnconditional), "----");
  EXPECT_TRUE(trace.run.grid.sigmas.empty());
  EXPECT_FALSE(trace.result.has_value());
}

TEST_F(TraceFile, MayBeginWithBlankLines) {
  save("\n\n{\"run\": {\"steps\": 3, \"sites\": []}}\n");
  EXPECT_EQ(Trace::read(path_).run.steps, 3);
}

TEST_F(TraceFile, WithABadLineIsRefusedByFileAndLine) {
  const std::string run =
      R"({"run": {"steps": 4, "sites": [{"name": "s", "scope": "units", "begin": 0, "end": 3, "form": "delta", "keep": 1}]}})";
  const std::string good = "\n{\"step\": 0, \"branch\": \"conditional\", \"site\": \"s\", \"action\": \"recompute\"}\n";
  const auto event = [&](const std::string& line) { return run + good + line + "\n"; };
  const auto header = [](const std::string& members) {
    return "{\"run\": {\"steps\": 4, \"sites\": []" + members + "}}\n";
  };
  struct Case {
    std::string text;
    int line;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {event("{\"step\": 1"), 3, ""},
      {event("[1]"), 3, "an object"},
      {event("{\"step\": 4, \"branch\": \"conditional\", \"site\": \"s\", \"action\": \"blend\"}"), 3, "from 0 to 3"},
      {event("{\"step\": 1, \"branch\": \"cond\", \"site\": \"s\", \"action\": \"blend\"}"), 3, "conditional"},
      {event("{\"step\": 1, \"branch\": \"conditional\", \"site\": \"t\", \"action\": \"blend\"}"), 3,
       "'t' is not declared in the first line"},
      {event("{\"step\": 1, \"branch\": \"conditional\", \"site\": \"s\", \"action\": \"reuse\"}"), 3, "blend"},
      {event("{\"step\": 1, \"branch\": \"conditional\", \"site\": \"s\", \"action\": \"blend\", \"wieghts\": [0.5]}"),
       3, "wieghts"},
      {event("{\"step\": 1, \"branch\": \"conditional\", \"site\": \"s\", \"action\": \"blend\", \"score\": \"big\"}"),
       3, "score"},
      {event("{\"result\": {\"computed\": -1}}"), 3, "computed"},
      {event("{\"result\": {\"computed\": 1, \"totla\": 2}}"), 3, "totla"},
      {event("{\"result\": {}}\n{\"step\": 1, \"branch\": \"conditional\", \"site\": \"s\", \"action\": \"blend\"}"), 4,
       "result"},
      {header(", \"seed\": \"x\""), 1, "seed"},
      {header(", \"seed\": -1"), 1, "seed"},
      {header(", \"seed\": 1.5"), 1, "seed"},
      {header(", \"branches\": [\"both\"]"), 1, "branches"},
      {header(", \"branches\": [\"conditional\", \"conditional\"]"), 1, "'conditional' is there twice"},
      {"{\"run\": {\"steps\": 1001, \"sites\": []}}\n", 1, "from 1 to 1000"},
      {header(", \"jumped\": [7]"), 1, "jumped"},
      {header(", \"sigmas\": [1, 0]"), 1, "2 values for 4 visited steps"},
      {header(", \"stpes\": 3"), 1, "stpes"},
      {"{\"run\": {\"steps\": 0, \"sites\": []}}\n", 1, "steps"},
      {"{\"run\": {\"steps\": 4, \"sites\": []}, \"events\": []}\n", 1, "events"},
      {"{\"run\": {\"steps\": 4, \"sites\": [{\"name\": \"s\", \"scope\": \"prediction\", \"form\": \"deltas\", "
       "\"keep\": 1}]}}\n",
       1, "form"},
      {good, 2, "run"},
  };
  for (const Case& c : cases) {
    save(c.text);
    const std::string message = refusal();
    EXPECT_EQ(message.rfind(path_.string() + ":" + std::to_string(c.line) + ":", 0), 0U)
        << "line " << c.line << " of\n"
        << c.text << "got: " << message;
    EXPECT_NE(message.find(c.expected), std::string::npos) << "expected: " << c.expected << "\n     got: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST_F(TraceFile, ThatIsEmptyOrMissingIsRefused) {
  EXPECT_NE(refusal().find("cannot be opened: No such file"), std::string::npos);
  save("\n");
  EXPECT_NE(refusal().find("empty"), std::string::npos);
  path_ = ::testing::TempDir();
  EXPECT_NE(refusal().find("is a folder; accepted: a regular file"), std::string::npos);
  path_ = "none.jsonl";
}

TEST(TracePattern, FoldsDecisionsToLetters) {
  const Trace trace = full_trace();
  EXPECT_EQ(trace.pattern("blocks.0-1", Branch::kConditional), "CR.-C");
  EXPECT_EQ(trace.pattern("blocks.0-1", Branch::kUnconditional), "--.-C");
  EXPECT_EQ(trace.pattern("blocks.2.self_attention", Branch::kUnconditional), "--.F-");
  EXPECT_EQ(trace.pattern("nowhere", Branch::kConditional), "--.--");
}

TEST(TracePattern, CallsOneSnapshotOfAnotherWeightAForecast) {
  Trace trace = full_trace();
  trace.events[1].weights = {0.5F};
  EXPECT_EQ(trace.pattern("blocks.0-1", Branch::kConditional), "CF.-C");
  trace.events[1].weights = {1.0F, 0.0F};
  EXPECT_EQ(trace.pattern("blocks.0-1", Branch::kConditional), "CF.-C");
}

}  // namespace
}  // namespace ditto
