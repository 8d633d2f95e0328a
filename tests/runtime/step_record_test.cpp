// What the engine tells of every step when it is asked to.

#include <gtest/gtest.h>

#include "runtime/numbered_model.h"
#include "runtime/step_clock.h"

namespace ditto::test {
namespace {

std::vector<StepRecord> records_of(CachePolicy& policy, int steps, bool record_steps) {
  const EngineRun none;
  const ScriptedModel model = numbered_model();
  policy.begin(model.topology(), engine_run_info(steps));
  Denoiser denoiser(model, policy, {Branch::kConditional}, {}, even_schedule(steps), numbered_latent(0, none).sizes(),
                    {.record_steps = record_steps});
  for (int step = 0; step < steps; ++step) denoiser.predict(numbered_latent(step, none), step);
  return denoiser.step_records();
}

TEST(StepRecords, AreKeptOnlyWhenAskedFor) {
  FunctionPolicy policy({{named_site("site", 0, 2, FeatureForm::kDelta)}}, reuse_after_first);
  EXPECT_TRUE(records_of(policy, 3, false).empty());
}

TEST(StepRecords, TellTheBytesHeldAfterEachStepAndWhatTheTimeWentTo) {
  FunctionPolicy policy({{named_site("site", 0, 3, FeatureForm::kDelta)}}, [](const DecisionPoint& point) {
    return point.step.index == 1 ? Decision::reuse("") : Decision::recompute("");
  });
  const std::vector<StepRecord> records = records_of(policy, 3, true);
  ASSERT_EQ(records.size(), 3U);
  for (int step = 0; step < 3; ++step) {
    const StepRecord& record = records[static_cast<std::size_t>(step)];
    EXPECT_EQ(record.node, step);
    EXPECT_EQ(record.cache_bytes, records.front().cache_bytes) << "one snapshot is kept";
    EXPECT_EQ(record.seconds_of(StepPart::kUnits) > 0, step != 1) << "the site covers every unit";
    EXPECT_EQ(record.seconds_of(StepPart::kBlends) > 0, step == 1);
    EXPECT_GT(record.seconds_of(StepPart::kDeciding), 0);
    EXPECT_GT(record.seconds_of(StepPart::kRest), 0);
  }
  EXPECT_GT(records.front().cache_bytes, 0);
}

TEST(StepClock, ThatIsOffCountsNothing) {
  StepClock clock(false);
  clock.enter(StepPart::kUnits);
  for (const double seconds : clock.finish()) EXPECT_EQ(seconds, 0);
}

}  // namespace
}  // namespace ditto::test
