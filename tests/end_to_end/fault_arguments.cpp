// Cases 33 to 39 of docs/robustness.md: arguments.
#include <string>

#include <nlohmann/json.hpp>

#include "end_to_end/bad_model.h"
#include "end_to_end/faults.h"

namespace ditto::test {
namespace {

Fault refused(int number, const std::string& name, const Arguments& arguments, int exit_code, const std::string& text) {
  return {number, name, [arguments](const fs::path&) { return arguments; }, exit_code, text};
}

/// Generates with the small model, whose folder the program is told, and these options besides.
Fault generated(int number, const std::string& name, const Arguments& options, int exit_code, const std::string& text) {
  return {number, name,
          [options](const fs::path&) {
            const Arguments base = {"-m", data_path("wan/tiny-pipeline").string(), "-o", "clip.mp4"};
            return base + options;
          },
          exit_code, text};
}

void append_size_faults(std::vector<Fault>& faults) {
  const auto frames = [&](const std::string& count) {
    faults.push_back(generated(33, "--frames " + count, {"-p", "x", "--size", "32x32", "--frames", count}, kUsage,
                               "--frames: " + count + " is not possible; accepted: 4k+1 (1, 5, 9, ...)"));
  };
  for (const char* count : {"6", "0", "-4", "1000000001"}) frames(count);
  const auto size = [&](const std::string& pixels, const std::string& text) {
    faults.push_back(generated(33, "--size " + pixels, {"-p", "x", "--size", pixels}, kUsage, text));
  };
  size("33x32", "--size: 33x32: width 33 is not possible; accepted: multiples of 16");
  size("32x0", "'32x0' is no size; accepted: WIDTHxHEIGHT");
  size("-32x32", "'-32x32' is no size; accepted: WIDTHxHEIGHT");
  size("1000000000x32", "width 1000000000 is not possible");
  faults.push_back(refused(33, "more memory than there is",
                           {"-p", "x", "-o", "clip.mp4", "--size", "16384x16384", "--frames", "4093"}, kOutOfMemory,
                           "GiB of memory are needed and this machine has"));
}

void append_number_faults(std::vector<Fault>& faults) {
  const auto steps = [&](const Arguments& options, int exit_code, const std::string& text) {
    std::string name;
    for (const std::string& option : options) name += (name.empty() ? "" : " ") + option;
    faults.push_back(
        generated(34, name, Arguments{"-p", "x", "--size", "32x32", "--frames", "5"} + options, exit_code, text));
  };
  steps({"--steps", "0"}, kUsage, "--steps: 0 is not possible; accepted: 1 to 1000");
  steps({"--steps", "1", "--cache", "taylorseer:interval=3"}, kDone, "reused nothing in 1 step");
  steps({"--steps", "2", "--cache", "interval:interval=2"}, kDone, "12 of 24 units computed");
  steps({"--steps", "2", "--cache", "steps:compute=3"}, kUsage, "steps:compute: 3 is not possible");
  const auto seed = [&](const std::string& text, const std::string& message) {
    faults.push_back(generated(35, "--seed '" + text + "'", {"-p", "x", "-s", text}, kUsage, message));
  };
  seed("18446744073709551616", "is no seed; accepted: 0 to 18446744073709551615");
  seed("-1", "'-1' is no seed");
  seed("1.5", "'1.5' is no seed");
  seed("1,,2", "'' is no seed");
  seed("1,2,1", "'1' is given twice; accepted: each seed once");
  seed("random:0", "'0' is out of range; accepted: an integer from 1 to");
  faults.push_back(generated(
      35, "largest seed", {"-p", "x", "--size", "32x32", "--frames", "5", "--steps", "1", "-s", "18446744073709551615"},
      kDone, "seed 18446744073709551615"));
}

/// Every prompt is a line of a prompts file, so that one run takes them all.
Fault unusual_prompts() {
  return {36, "empty, control characters, newline, emoji, right-to-left, 1 MB",
          [](const fs::path& folder) {
            const std::vector<std::string> prompts = {
                "",
                "a\a\x1b[31mred\tcircle\x7f",
                "one\ntwo\r\nthree",
                "a \xF0\x9F\x94\xB4 and \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80",
                "\xD7\xA2\xD7\x99\xD7\x92\xD7\x95\xD7\x9C \xE2\x80\xAE"
                "abc",
                std::string(1 << 20, 'x')};
            std::string lines;
            for (const std::string& prompt : prompts) lines += nlohmann::json{{"prompt", prompt}}.dump() + "\n";
            write_file(folder / "prompts.jsonl", lines);
            return Arguments{"-m",        data_path("wan/tiny-pipeline").string(),
                             "--prompts", "prompts.jsonl",
                             "--size",    "32x32",
                             "--frames",  "1",
                             "--steps",   "1"};
          },
          kDone, "6 of 6 jobs finished"};
}

void append_prompt_faults(std::vector<Fault>& faults) {
  const Arguments quick = {"--size", "32x32", "--frames", "1", "--steps", "1"};
  faults.push_back(generated(36, "empty", quick + Arguments{"-p", ""}, kDone, "clip.mp4"));
  faults.push_back(generated(36, "not UTF-8", quick + Arguments{"-p", "a\xff"}, kUsage,
                             "prompt: byte 0xff at offset 1 is not valid UTF-8; accepted: UTF-8 text"));
  faults.push_back(unusual_prompts());
  const auto file = [&](const std::string& name, const std::string& text, const Arguments& more, int exit_code,
                        const std::string& message) {
    Fault fault = generated(37, name, {}, exit_code, message);
    fault.make = [=](const fs::path& folder) {
      write_file(folder / "prompts.txt", text);
      return Arguments{"-m", data_path("wan/tiny-pipeline").string(), "--prompts", "prompts.txt"} + quick + more;
    };
    faults.push_back(fault);
  };
  file("byte order mark and CRLF", "\xEF\xBB\xBF# two\r\n\r\na circle\r\n{\"prompt\": \"a square\"}\r\n", {}, kDone,
       "2 of 2 jobs finished");
  std::string million;
  for (int line = 0; line < 1'000'000; ++line) million += "a circle\n";
  file("1,000,000 lines", million, {"--dry-run"}, kDone, "jobs     1000000;");
  file("one bad line of three", "a circle\n{\"prompt\": \"x\", \"sead\": 1}\na square\n", {}, kSomeJobsFailed,
       "prompts.txt:2: sead: unknown key (did you mean 'seed'?); accepted: ");
  file("a line that is not UTF-8", "a circle\n\xff\n", {}, kSomeJobsFailed, "prompts.txt:2: prompt: byte 0xff");
  file("a size the model cannot make", "a circle\n{\"prompt\": \"x\", \"size\": \"33x32\"}\n", {}, kSomeJobsFailed,
       "prompts.txt:2: --size: 33x32: width 33 is not possible");
  file("no prompts", "# none\n", {}, kBadInputFile, "prompts.txt: holds no prompts");
}

/// Writes to `output`, after `prepare` has been at the folder.
Fault output(const std::string& name, const Arguments& options, const std::function<void(const fs::path&)>& prepare,
             int exit_code, const std::string& text) {
  return {38, name,
          [=](const fs::path& folder) {
            prepare(folder);
            const Arguments base = {
                "-m", data_path("wan/tiny-pipeline").string(), "-p", "x", "--size", "32x32", "--frames", "5", "--steps",
                "1"};
            return base + options;
          },
          exit_code, text};
}

void append_output_faults(std::vector<Fault>& faults) {
  const auto nothing = [](const fs::path&) {};
  const auto existing = [](const fs::path& folder) { write_file(folder / "clip.mp4", "kept"); };
  faults.push_back(output("missing folder", {"-o", "absent/clip.mp4"}, nothing, kOutputFailed,
                          "absent/clip.mp4: cannot be written: folder 'absent': No such file or directory"));
  faults.push_back(output(
      "folder without permission", {"-o", "closed/clip.mp4"},
      [](const fs::path& folder) {
        fs::create_directory(folder / "closed");
        fs::permissions(folder / "closed", fs::perms::owner_read | fs::perms::owner_exec);
      },
      kOutputFailed, "closed/clip.mp4: cannot be written: folder 'closed': Permission denied"));
  faults.back().options.bound_by_permissions = true;
  faults.push_back(output("existing", {"-o", "clip.mp4"}, existing, kOutputFailed,
                          "clip.mp4: exists; accepted: a new name, or -y to overwrite"));
  faults.push_back(output("existing, -y", {"-o", "clip.mp4", "-y"}, existing, kDone, "clip.mp4"));
  faults.push_back(output(
      "filled folder of frames", {"-o", "frames"}, [](const fs::path& folder) { write_file(folder / "frames/a", "a"); },
      kOutputFailed, "frames: exists and is not empty"));
  faults.push_back(output(
      "foreign files in a folder of frames, -y", {"-o", "frames", "-y"},
      [](const fs::path& folder) { write_file(folder / "frames/thesis.txt", "a"); }, kOutputFailed,
      "frames: holds 'thesis.txt', which this output would not replace"));
  faults.push_back(output(
      "same as an input", {"--schedule", "a.jsonl", "--trace", "a.jsonl", "-y"},
      [](const fs::path& folder) { write_file(folder / "a.jsonl", R"({"run":{"steps":1,"sites":[]}})"); }, kUsage,
      "a.jsonl: is read by this run (a.jsonl); accepted: an output that is no input"));
  faults.push_back(output("two outputs of one name", {"-o", "a.mp4", "--contact-sheet", "./a.mp4"}, nothing, kUsage,
                          "--contact-sheet: is the same path as --output"));
  faults.push_back(output("very long name", {"-o", std::string(300, 'n') + ".mp4"}, nothing, kOutputFailed,
                          "the name has 304 bytes; accepted: up to 255"));
  faults.push_back(output("very long path", {"-o", std::string(5000, '/') + "clip.mp4"}, nothing, kOutputFailed,
                          "File name too long"));
  faults.push_back(output("device", {"-o", "/dev/full", "-y"}, nothing, kOutputFailed, "exists and is no folder"));
  faults.push_back(
      output("full disk, video", {"-o", "clip.mp4"}, nothing, kOutputFailed, "clip.mp4: cannot be written"));
  faults.back().options.max_file_bytes = 2048;
  faults.push_back(output("full disk, frames", {"-o", "frames"}, nothing, kOutputFailed, "frames: cannot be written"));
  faults.back().options.max_file_bytes = 1024;
  faults.push_back(output("full disk, trace",
                          {"-o", "clip.mp4", "--trace", "trace.jsonl", "--cache", "interval:site=unit"}, nothing,
                          kOutputFailed, "trace.jsonl: cannot be written: File too large"));
  faults.back().options.max_file_bytes = 1024;
}

void append_name_faults(std::vector<Fault>& faults) {
  const auto name = [&](const std::string& what, const Arguments& arguments, const std::string& text) {
    faults.push_back(refused(39, what, arguments, kUsage, text));
  };
  name("option", {"-p", "x", "--sead", "3"}, "--sead: is no option; did you mean '--seed'?");
  name("option with value", {"-p", "x", "--contct-sheet=a.png"}, "did you mean '--contact-sheet'?");
  name("short option", {"-p", "x", "-z"}, "-z: is no option; accepted: what --help lists");
  name("verb", {"reprodce", "a.mp4"}, "reprodce: is no option or verb; did you mean 'reproduce'?");
  name("option of a verb", {"inspect", "a.mp4", "--jsn"}, "--jsn: is no option; did you mean '--json'?");
  name("policy", {"-p", "x", "--cache", "tailorseer"}, "there is no policy 'tailorseer'; accepted: did you mean");
  name("policy's option", {"-p", "x", "--cache", "taylorseer:intervall=3"}, "did you mean 'interval'?");
  name("policy to describe", {"policies", "easycash"}, "did you mean 'easycache'?");
}

}  // namespace

std::vector<Fault> argument_faults() {
  std::vector<Fault> faults;
  append_size_faults(faults);
  append_number_faults(faults);
  append_prompt_faults(faults);
  append_output_faults(faults);
  append_name_faults(faults);
  return faults;
}

}  // namespace ditto::test
