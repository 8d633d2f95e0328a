// dit-profile from outside: files, exit codes, interruption.
#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using Json = nlohmann::json;

class DitProfile : public testing::Test {
 protected:
  DitProfile() {
    write_file(scratch_ / "prompts.txt",
               "# three\na large red circle moving right on a white background\n"
               "{\"prompt\": \"a small blue square moving up on a black background\", \"seed\": 7}\n"
               "a green ring standing still on a gray background\n");
  }

  Finished run(const Arguments& arguments) const { return Running("dit-profile", arguments, scratch_.here()).finish(); }
  bool has(std::string_view name) const { return fs::exists(scratch_ / name); }

  /// `run` over the prompts with few steps.
  static Arguments measure(const std::string& steps = "5") {
    return {"run", "--prompts", "prompts.txt", "--steps", steps, "--threads", "1"};
  }

  Json shown(const std::string& name) const {
    const Finished show = run({"show", name, "--json"});
    EXPECT_EQ(show.exit_code, kDone) << show.err;
    return show.events().at(0);
  }

  Scratch scratch_;
};

TEST_F(DitProfile, RefusesANegativeThatIsNoTextBeforeAnythingIsWritten) {
  const Finished refused = run(measure() + Arguments{"--guidance", "3", "-n", "a\xff", "-o", "all"});
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_TRUE(contains(refused.err, "--negative: byte 0xff at offset 1 is not valid UTF-8")) << refused.err;
  EXPECT_EQ(scratch_.names(), (std::set<std::string>{"prompts.txt"}));
}

TEST_F(DitProfile, MeasuresShowsAndMerges) {
  const Finished measured = run(measure() + Arguments{"--edges", "1", "--json", "-o", "all"});
  ASSERT_EQ(measured.exit_code, kDone) << measured.err;
  EXPECT_EQ(measured.events("prompt").size(), 3U);
  EXPECT_EQ(measured.events("edges").size(), 1U);
  EXPECT_EQ(measured.events("done").at(0).at("prompts"), 3);
  EXPECT_EQ(scratch_.names(), (std::set<std::string>{"all.json", "all.safetensors", "prompts.txt"}));
  EXPECT_TRUE(contains(measured.err, "measuring holds up to"));
  EXPECT_TRUE(contains(measured.err, "ETA"));

  const Json facts = shown("all");
  EXPECT_EQ(facts["model"], "wan-mini");
  EXPECT_EQ(facts["steps"], 5);
  EXPECT_EQ(facts["dtype"], "fp32");
  EXPECT_EQ(facts["fit"]["edge_error"]["prompts"], 1);
  const Json& arrays = facts["arrays"];
  EXPECT_EQ(arrays["residual_ratio"], (Json{2, 5}));
  EXPECT_EQ(arrays["block_change"], (Json{2, 20, 5}));
  EXPECT_EQ(arrays["foreground_attention.by_step"], (Json{20, 5}));
  EXPECT_EQ(arrays["hyca.solver_error"], (Json{20, 6, 160}));
  EXPECT_EQ(arrays["gram"], (Json{3, 11, 11}));
  EXPECT_EQ(arrays["stack_gram"], (Json{2, 5, 5}));
  EXPECT_EQ(arrays["edge_error"], (Json{5, 3}));
  EXPECT_EQ(arrays["teacache.modulated"], Json::array({5}));

  const Finished text = run({"show", "all.json"});
  for (const char* words : {"curves over the steps", "residual_ratio", "fit and spread", "r2 ", "arrays"}) {
    EXPECT_TRUE(contains(text.out, words));
  }
  const Finished inspected = dit_gen({"inspect", "all.json"}, scratch_.here());
  EXPECT_EQ(inspected.exit_code, kDone) << inspected.err;
  EXPECT_TRUE(contains(inspected.out, "profile"));
  EXPECT_TRUE(contains(inspected.out, "[3,11,11]"));

  for (const char* extension : {".json", ".safetensors"}) {
    fs::copy_file(scratch_ / ("all" + std::string(extension)), scratch_ / ("copy" + std::string(extension)));
  }
  const Finished merged = run({"merge", "all", "copy", "-o", "twice", "--json"});
  ASSERT_EQ(merged.exit_code, kDone) << merged.err;
  EXPECT_EQ(merged.events("done").at(0).at("prompts"), 6);
}

TEST_F(DitProfile, AnInterruptedRunGoesOnToTheSameBytes) {
  const Arguments command = measure() + Arguments{"--edges", "2", "--json", "-o"};
  ASSERT_EQ(run(command + Arguments{"whole"}).exit_code, kDone);
  int interrupted = 0;
  for (const char* moment : {"\"event\":\"prompt\"", "\"event\":\"edges\""}) {
    Running program("dit-profile", command + Arguments{"parts"}, scratch_.here());
    ASSERT_TRUE(program.wait_for_output(moment));
    program.send(SIGINT);
    const Finished stopped = program.finish();
    if (stopped.exit_code == kDone) break;  // it was done before the signal came
    ++interrupted;
    EXPECT_EQ(stopped.exit_code, kInterrupted);
    EXPECT_TRUE(contains(stopped.err, "the same command goes on from there"));
    EXPECT_FALSE(has("parts.json") || has("parts.safetensors"));
    EXPECT_TRUE(has("parts.parts/run-00001.json"));
    for (const std::string& name : scratch_.names()) EXPECT_FALSE(contains(name, "ditto-partial")) << name;
  }
  ASSERT_GE(interrupted, 1);

  const Finished other = run(measure() + Arguments{"--edges", "2", "--shift", "5", "-q", "-o", "parts"});
  EXPECT_EQ(other.exit_code, kUsage);
  EXPECT_TRUE(is_one_error_line(other.err, "dit-profile"));
  EXPECT_TRUE(contains(other.err,
                       "parts.parts: holds unfinished work of another command: 'shift' is 3.0 there and 5.0 "
                       "here; accepted: the same command, or -y to start anew"));

  const Finished resumed = run(command + Arguments{"parts"});
  ASSERT_EQ(resumed.exit_code, kDone) << resumed.err;
  EXPECT_FALSE(has("parts.parts"));
  EXPECT_EQ(read_file(scratch_ / "parts.json"), read_file(scratch_ / "whole.json"));
  EXPECT_EQ(read_file(scratch_ / "parts.safetensors"), read_file(scratch_ / "whole.safetensors"));
}

TEST_F(DitProfile, TwoRunsDoNotShareAnOutput) {
  const Arguments command = measure("20") + Arguments{"--only", "residual", "-s", "1,2,3", "--json", "-o", "race"};
  Running first("dit-profile", command, scratch_.here());
  ASSERT_TRUE(first.wait_for_output("\"event\":\"prompt\""));
  first.send(SIGSTOP);  // so that it is not done before the others have come
  for (const Arguments& more : {Arguments{}, Arguments{"-y"}}) {
    const Finished second = run(command + more + Arguments{"-q"});
    EXPECT_EQ(second.exit_code, kUsage);
    EXPECT_TRUE(is_one_error_line(second.err, "dit-profile"));
    EXPECT_TRUE(contains(second.err, "race.parts: is in use by another run; accepted: another output, or wait"));
  }
  first.send(SIGCONT);
  const Finished finished = first.finish();
  EXPECT_EQ(finished.exit_code, kDone) << finished.err;
  EXPECT_EQ(scratch_.names(), (std::set<std::string>{"race.json", "race.safetensors", "prompts.txt"}));
}

TEST_F(DitProfile, APartsFolderOfSomebodyElseIsLeftAlone) {
  write_file(scratch_ / "p.parts/thesis.txt", "mine");
  const Finished refused = run(measure("3") + Arguments{"--only", "residual", "--frames", "1", "-y", "-q", "-o", "p"});
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_TRUE(contains(refused.err, "p.parts: is not empty and not by dit-profile; accepted: another --output"));
  EXPECT_EQ(scratch_.names(), (std::set<std::string>{"p.parts", "p.parts/thesis.txt", "prompts.txt"}));
}

TEST_F(DitProfile, MeasuresOnlyWhatIsAskedFor) {
  const Arguments json = {"--json", "-o"};
  const Finished edges =
      run(measure("4") + Arguments{"--only", "edges", "--edges", "1", "--max-skip", "3"} + json + Arguments{"edges"});
  ASSERT_EQ(edges.exit_code, kDone) << edges.err;
  EXPECT_EQ(edges.events("done").at(0).at("prompts"), 1);
  const Finished gram =
      run(measure("4") + Arguments{"--only", "gram,residual", "-s", "1,2"} + json + Arguments{"gram"});
  ASSERT_EQ(gram.exit_code, kDone) << gram.err;
  EXPECT_EQ(gram.events("done").at(0).at("prompts"), 5);  // the prompt with a seed of its own runs once
  const Json arrays = shown("gram")["arrays"];
  EXPECT_TRUE(arrays.contains("gram") && arrays.contains("residual_ratio.std"));
  EXPECT_FALSE(arrays.contains("block_change") || arrays.contains("edge_error"));
}

TEST_F(DitProfile, APlanReplacesNothingThatItReads) {
  ASSERT_EQ(run(measure("3") + Arguments{"--only", "residual", "-q", "-o", "p"}).exit_code, kDone);
  const std::vector<std::pair<std::string, std::string>> outputs = {
      {"p.json", "p.json"}, {"./p.safetensors", "p.safetensors"}, {"prompts.txt", "prompts.txt"}};
  for (const auto& [output, input] : outputs) {
    const std::string before = read_file(scratch_ / input);
    const Finished refused =
        run({"plan", "p", "--policy", "lemica", "--compute", "2", "--prompts", "prompts.txt", "-o", output, "-y"});
    EXPECT_EQ(refused.exit_code, kUsage);
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-profile"));
    EXPECT_TRUE(
        contains(refused.err, output + ": is read by this run (" + input + "); accepted: an output that is no input"));
    EXPECT_EQ(read_file(scratch_ / input), before);
  }
}

TEST_F(DitProfile, AMeasuredPlanIsANumberOfDecibels) {
  write_file(scratch_ / "one.txt", "a red circle\n");
  const Arguments few = {"run", "--prompts", "one.txt", "--steps", "4", "--frames", "1", "--threads", "1"};
  ASSERT_EQ(run(few + Arguments{"--only", "edges", "--edges", "1", "-q", "-o", "p"}).exit_code, kDone);
  const auto plan = [&](const char* compute) {
    const Finished planned = run({"plan", "p", "--policy", "sum", "--compute", compute, "--prompts", "one.txt",
                                  "--threads", "1", "--json", "-y", "-o", "plan.jsonl"});
    EXPECT_EQ(planned.exit_code, kDone) << planned.err;
    return planned.events("planned").at(0);
  };
  EXPECT_EQ(plan("4").at("measured_psnr"), 100);
  const Json cached = plan("3");
  EXPECT_GT(cached.at("measured_psnr").get<double>(), 0);
  EXPECT_LT(cached.at("measured_psnr").get<double>(), 100);
  EXPECT_TRUE(cached.at("even_psnr").is_null());
  const Finished text = run({"plan", "p", "--policy", "sum", "--compute", "3", "--prompts", "one.txt", "--threads", "1",
                             "-y", "-o", "plan.jsonl"});
  EXPECT_EQ(text.exit_code, kDone) << text.err;
  EXPECT_TRUE(contains(text.out, "\nmeasured: PSNR "));
  EXPECT_TRUE(contains(text.out, " dB to full compute (pixels not rounded, mean over the prompts)\n"));
  EXPECT_FALSE(contains(text.out, "even steps"));
}

TEST_F(DitProfile, AClosedLoopHasTheProfilesSize) {
  ASSERT_EQ(run(measure("3") + Arguments{"--only", "residual", "--frames", "1", "-q", "-o", "p"}).exit_code, kDone);
  for (const char* own : {"\"size\": \"128x128\"", "\"frames\": 5"}) {
    write_file(scratch_ / "other.jsonl", "a red circle\n{\"prompt\": \"a red circle\", " + std::string(own) + "}\n");
    const Finished refused = run({"plan", "p", "--policy", "magcache", "--compute", "2", "--prompts", "other.jsonl",
                                  "--threads", "1", "-q", "-o", "plan.jsonl"});
    EXPECT_EQ(refused.exit_code, kBadInputFile);
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-profile"));
    EXPECT_TRUE(contains(refused.err, "other.jsonl: its prompts have other sizes than the profile ("));
    EXPECT_TRUE(contains(refused.err, ", not 64x64x1); accepted: the profile's size for all"));
    EXPECT_FALSE(has("plan.jsonl"));
  }
}

/// Waits until a program has read all that was written to a pipe.
bool is_drained(int pipe) {
  for (int attempt = 0; attempt < 30'000; ++attempt) {
    int waiting = 0;
    if (::ioctl(pipe, FIONREAD, &waiting) == 0 && waiting == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

/// A writer that holds its pipe open does not hold the program.
TEST_F(DitProfile, ASignalEndsTheWaitForPrompts) {
  ASSERT_EQ(run(measure("3") + Arguments{"--only", "residual", "--frames", "1", "-q", "-o", "p"}).exit_code, kDone);
  ASSERT_EQ(::mkfifo((scratch_ / "pipe").c_str(), 0600), 0);
  const int pipe = ::open((scratch_ / "pipe").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(pipe, 0);
  const std::set<std::string> before = scratch_.names();
  for (const Arguments& verb : {Arguments{"run", "-o", "new"},
                                Arguments{"plan", "p", "--policy", "magcache", "--compute", "2", "-o", "plan.jsonl"}}) {
    ASSERT_EQ(::write(pipe, "a red circle\n", 13), 13);
    Running program("dit-profile", verb + Arguments{"--prompts", "pipe"}, scratch_.here());
    EXPECT_TRUE(is_drained(pipe));
    program.send(SIGINT);
    const Finished stopped = program.finish();
    EXPECT_EQ(stopped.exit_code, kInterrupted);
    EXPECT_TRUE(contains(stopped.err, "dit-profile: error: interrupted: "));
    EXPECT_EQ(scratch_.names(), before);
  }
  ::close(pipe);
}

TEST_F(DitProfile, ArraysOfAnotherShapeAreBadInput) {
  ASSERT_EQ(run(measure("4") + Arguments{"--only", "residual", "-q", "-o", "whole"}).exit_code, kDone);
  Json facts = Json::parse(read_file(scratch_ / "whole.json"));
  facts["run"]["branches"] = {"conditional"};
  write_file(scratch_ / "other.json", facts.dump());
  fs::copy(scratch_ / "whole.safetensors", scratch_ / "other.safetensors");
  const Finished shown = run({"show", "other"});
  EXPECT_EQ(shown.exit_code, kBadInputFile) << shown.err;
  EXPECT_TRUE(contains(shown.err, "other.json: 'residual_ratio': has the shape [2,4]; accepted: [1,-1]")) << shown.err;
}

TEST_F(DitProfile, WithoutAForegroundSaysSo) {
  const Finished made = run({"run", "--prompts", "prompts.txt", "--size", "32x32", "--frames", "1", "--steps", "5",
                             "--only", "attention", "-o", "flat"});
  ASSERT_EQ(made.exit_code, kDone) << made.err;
  EXPECT_FALSE(contains(made.out, "nan"));
  EXPECT_FALSE(contains(made.out, "inf"));
}

struct ProfileFault {
  Arguments arguments;
  int exit_code;
  std::string text;
};

TEST_F(DitProfile, FaultsHaveOneLineAndTheirCode) {
  write_file(scratch_ / "sizes.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"size\": \"128x128\"}\n");
  write_file(scratch_ / "empty.txt", "# nothing\n");
  write_file(scratch_ / "taken.json", "{}");
  write_file(scratch_ / "broken.json", "{\"schema\": \"ditto-profile/1\"}");
  for (const std::string steps : {"3", "4"}) {
    ASSERT_EQ(run(measure(steps) + Arguments{"--only", "gram", "-q", "-o", "of-" + steps}).exit_code, kDone);
  }
  const Arguments out = {"-o", "p"};
  const std::vector<ProfileFault> faults = {
      {{}, kUsage, "verb: is missing; accepted: run, "},
      {{"run", "--prompts", "none.txt", "-o", "p"}, kBadInputFile, "none.txt: cannot be read"},
      {{"run", "--prompts", "empty.txt", "-o", "p"}, kBadInputFile, "empty.txt: holds no prompts"},
      {{"run", "--prompts", "sizes.jsonl", "-o", "p"},
       kBadInputFile,
       "sizes.jsonl: its prompts have different sizes (64x64x17, 128x128x17)"},
      {measure() + Arguments{"-o", "taken"}, kOutputFailed, "taken.json: exists"},
      {measure() + Arguments{"-o", "p/"}, kUsage, "--output: names a folder"},
      {measure() + Arguments{"--only", "grams"} + out, kUsage, "--only: 'grams' is not measured, did you mean 'gram'?"},
      {measure() + Arguments{"--only", "gram", "--edges", "1"} + out, kUsage, "--edges: has no effect with --only"},
      {measure() + Arguments{"--edges", "4"} + out, kUsage,
       "--edges: 4 is more than there are prompts; accepted: 0 to 3"},
      {measure() + Arguments{"--edges", "0", "--max-skip", "3"} + out, kUsage, "--max-skip: has no effect without"},
      {measure() + Arguments{"--max-skip", "5"} + out, kUsage, "--max-skip: 5 is beyond the last step"},
      {measure("2") + Arguments{"--edges", "1"} + out, kUsage, "--steps: 2 have no step between two computed ones"},
      {{"plan", "of-4", "--policy", "lemica", "--compute", "2", "-o", "plan.jsonl", "--no-verify"},
       kUsage,
       "--no-verify: has no effect without a closed loop; accepted: with --prompts FILE"},
      {{"show", "none"}, kBadInputFile, "none.json"},
      {{"show", "broken"}, kBadInputFile, "broken.json: model"},
      {{"merge", "of-3", "-o", "p"}, kUsage, "NAME: 1 given; accepted: at least 2"},
      {{"merge", "of-3", "of-4", "-o", "p"}, kBadInputFile, "of-4.json: made for steps 4; of-3.json has 3"},
      {{"merge", "of-3", "of-3.json", "-o", "p"}, kUsage, "of-3.json: is there twice; accepted: each profile once"},
      {measure() + Arguments{"--guidance", "1", "-n", "a square"} + out, kUsage,
       "--negative: has no effect at guidance 1; accepted: guidance above 1, or no negative"},
      {{"merge", "of-3", "of-3", "-o", "of-3", "-y"}, kUsage, "--output: is the profile of-3"},
  };
  const std::set<std::string> before = scratch_.names();
  for (const ProfileFault& fault : faults) {
    SCOPED_TRACE(fault.text);
    const Finished finished = run(fault.arguments);
    EXPECT_EQ(finished.exit_code, fault.exit_code);
    EXPECT_TRUE(is_one_error_line(finished.err, "dit-profile"));
    EXPECT_TRUE(contains(finished.err, fault.text));
    EXPECT_EQ(scratch_.names(), before);
  }
}

}  // namespace
}  // namespace ditto::test
