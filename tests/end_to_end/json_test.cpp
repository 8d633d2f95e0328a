// The JSON Lines that other programs read: fields, types, order.
#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> found;
  for (const auto& [key, value] : object.items()) found.push_back(key);
  return found;
}

void expect_numbers(const json& object, const std::vector<std::string>& names) {
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  EXPECT_EQ(keys(object), sorted);
  for (const std::string& name : names) EXPECT_TRUE(object.at(name).is_number()) << name;
}

TEST(Json, StepsThenDone) {
  const Scratch scratch;
  const Finished run = dit_gen(tiny() + Arguments{"--json", "-o", "clip.mp4", "--cache", "interval"}, scratch.here());
  ASSERT_EQ(run.exit_code, kDone) << run.err;
  const std::vector<json> events = run.events();
  ASSERT_EQ(events.size(), 3u);
  for (int step = 0; step < 2; ++step) {
    const json& event = events[static_cast<std::size_t>(step)];
    EXPECT_EQ(keys(event), (std::vector<std::string>{"count", "event", "hit_rate", "index", "seconds"}));
    EXPECT_EQ(event.at("event"), "step");
    EXPECT_EQ(event.at("index"), step);
    EXPECT_EQ(event.at("count"), 2);
    EXPECT_EQ(event.at("hit_rate"), step == 0 ? 0.0 : 0.5);
    EXPECT_GT(event.at("seconds").get<double>(), 0);
  }
  const json& done = events.back();
  EXPECT_EQ(keys(done), (std::vector<std::string>{"branch_steps", "cache", "cache_bytes_peak", "compare", "event",
                                                  "frame_hash", "output", "seconds", "seed", "steps", "units"}));
  EXPECT_EQ(done.at("event"), "done");
  EXPECT_EQ(done.at("output"), "clip.mp4");
  EXPECT_EQ(done.at("seed"), 42);
  EXPECT_EQ(done.at("steps"), 2);
  EXPECT_EQ(done.at("cache"), "interval:interval=2,site=stack,first=1,last=0");
  EXPECT_EQ(done.at("units"), (json{{"computed", 120}, {"total", 240}}));
  EXPECT_EQ(done.at("branch_steps"), (json{{"computed", 2}, {"total", 4}}));
  EXPECT_GT(done.at("cache_bytes_peak").get<std::int64_t>(), 0);
  EXPECT_EQ(done.at("frame_hash").get<std::string>().size(), 64u);
  EXPECT_TRUE(done.at("compare").is_null());
  expect_numbers(done.at("seconds"), {"load", "text", "denoise", "decode", "encode"});
}

TEST(Json, ComparisonIsInDone) {
  const Scratch scratch;
  setenv("DITTO_LPIPS", scratch.path().c_str(), 1);  // a folder without weights
  const Finished run = dit_gen(tiny() + Arguments{"--json", "--cache", "interval", "--compare"}, scratch.here());
  unsetenv("DITTO_LPIPS");
  ASSERT_EQ(run.exit_code, kDone) << run.err;
  json compare = run.events("done").front().at("compare");
  EXPECT_TRUE(compare.at("lpips_alex").is_null());
  EXPECT_TRUE(contains(run.events("warning").front().at("message"), "lpips_alex is null"));
  compare.erase("lpips_alex");
  expect_numbers(compare, {"full_seconds", "speedup", "psnr", "ssim", "worst_frame"});
  EXPECT_EQ(run.events("step").size(), 2u) << "the steps of full compute are not the job's";
}

TEST(Json, NothingElseIsOnStdoutWhateverHappens) {
  const Scratch scratch;
  write_file(scratch / "prompts.txt", "a\n{bad\nb\n");
  const Finished run = dit_gen(
      {"--prompts", "prompts.txt", "--json", "--size", "64x64", "--frames", "1", "--steps", "1"}, scratch.here());
  EXPECT_EQ(run.exit_code, kSomeJobsFailed);
  EXPECT_EQ(run.events("done").size(), 2u);
  const auto failed = run.events("failed");
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_TRUE(contains(failed.front().at("error"), "prompts.txt:2: "));
  EXPECT_EQ(failed.front().at("code"), kBadInputFile);
}

TEST(Json, ASingleJobThatFailsSaysSo) {
  const Scratch scratch;
  write_file(scratch / "kept.mp4", "earlier");
  const Finished run = dit_gen(tiny() + Arguments{"--json", "-o", "kept.mp4"}, scratch.here());
  EXPECT_EQ(run.exit_code, kOutputFailed);
  ASSERT_EQ(run.events().size(), 1u) << run.out;
  EXPECT_EQ(run.events("failed").front().at("code"), kOutputFailed);
  EXPECT_TRUE(contains(run.err, run.events("failed").front().at("error").get<std::string>()));
}

TEST(Json, VerbsAnswerInJsonToo) {
  const Scratch scratch;
  EXPECT_EQ(dit_gen({"doctor", "--json"}, scratch.here()).events().size(), 1u);
  const auto policies = dit_gen({"policies", "--json"}, scratch.here()).events();
  EXPECT_GE(policies.size(), 9u);
  for (const json& policy : policies) EXPECT_TRUE(policy.contains("name") && policy.contains("options"));
}

}  // namespace
}  // namespace ditto::test
