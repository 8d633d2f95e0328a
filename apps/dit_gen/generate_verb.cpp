#include <algorithm>
#include <iterator>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "apps/common/policy_files.h"
#include "apps/dit_gen/dry_run.h"
#include "apps/dit_gen/initial_noise.h"
#include "apps/dit_gen/job_run.h"
#include "apps/dit_gen/run_metadata.h"
#include "apps/dit_gen/verbs.h"
#include "core/printable.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kListedFiles = 10;

Request base_request(const GenerateArguments& arguments) {
  Request request;
  request.prompt = arguments.prompt.value_or("");
  request.negative = arguments.negative.value_or("");
  arguments.sampling.apply_to(request);
  if (arguments.noise) request.noise = read_noise(*arguments.noise);
  return request;
}

/// What the run reads, and so must not overwrite.
std::vector<fs::path> inputs_of(const GenerateArguments& arguments, const std::vector<PolicySpec>& policies) {
  std::vector<fs::path> inputs = {arguments.model.folder.empty() ? shipped_model() : arguments.model.folder};
  if (arguments.noise) inputs.push_back(*arguments.noise);
  if (arguments.prompts) inputs.push_back(*arguments.prompts);
  std::ranges::move(files_read_by(policies), std::back_inserter(inputs));
  return inputs;
}

/// Folders for the outputs of several jobs: made at the start, removed at the end when nothing came to lie in them.
class JobFolders {
 public:
  explicit JobFolders(const std::vector<fs::path>& folders) {
    try {
      for (const fs::path& folder : folders) make(folder);
    } catch (const Error&) {
      remove_empty();
      throw;
    }
  }
  ~JobFolders() { remove_empty(); }
  JobFolders(const JobFolders&) = delete;
  JobFolders& operator=(const JobFolders&) = delete;

 private:
  void make(const fs::path& folder) {
    std::error_code problem;
    if (fs::create_directory(folder, problem)) made_.push_back(folder);
    if (problem) {
      throw Error(ExitCode::kOutputFailed, fmt::format("{}: cannot be made: {}; accepted: a folder that can be written",
                                                       printable(folder.string()), problem.message()));
    }
  }
  void remove_empty() const {
    std::error_code ignored;
    for (const fs::path& folder : made_) fs::remove(folder, ignored);
  }
  std::vector<fs::path> made_;
};

/// All jobs of a command, one after another.
class Batch {
 public:
  Batch(Program& program, const JobSettings& settings, const OutputNaming& naming, std::vector<fs::path> inputs)
      : program_(program), settings_(settings), naming_(naming), inputs_(std::move(inputs)) {}

  ExitCode run(JobSource& source) {
    while (auto next = source.next()) {
      if (program_.interrupt.requested()) throw_interrupted();
      ++jobs_;
      if (const auto* line = std::get_if<BadLine>(&*next)) {
        report(program_, {ExitCode::kBadInputFile, line->message});
      } else {
        run_one(std::get<Job>(*next));
      }
    }
    if (source.stopped()) throw_interrupted();
    if (jobs_ == 0) refuse_no_prompts(*settings_.arguments.prompts);
    warn_without_effect(source, program_.console);
    if (naming_.several_jobs()) {
      program_.console.note(fmt::format("{} of {} jobs finished", finished_count_, jobs_));
    }
    return finished_count_ == jobs_ ? ExitCode::kDone : ExitCode::kSomeJobsFailed;
  }

 private:
  void run_one(const Job& job) {
    if (!naming_.several_jobs()) {
      generate(job);
      return;
    }
    try {
      generate(job);
    } catch (const ClosedOutput&) {
      throw;
    } catch (const Cancelled&) {
      throw_interrupted();
    } catch (...) {
      Failure failure = describe_current_exception();
      if (recurs(failure.code)) throw;
      if (!job.source.empty()) failure.message = fmt::format("{}: {}", job.source, failure.message);
      report(program_, failure);
    }
  }

  /// Without a prompts file the jobs differ by their seeds alone: what the command or a file has wrong for one of them
  /// is said once.
  bool recurs(ExitCode code) const {
    return !settings_.arguments.prompts &&
           (code == ExitCode::kUsage || code == ExitCode::kBadInputFile || code == ExitCode::kOutOfMemory);
  }

  void generate(const Job& job) {
    const JobOutputs outputs = naming_.outputs(job.name, job.request.seed);
    std::vector<fs::path> paths = outputs.files();
    std::ranges::copy(outputs.folders(), std::back_inserter(paths));
    for (const fs::path& path : paths) refuse_claimed(path);
    check_outputs(outputs, settings_.arguments.overwrite, inputs_);
    run_job(program_, settings_, job, outputs);
    claimed_.insert(paths.begin(), paths.end());
    ++finished_count_;
    if (finished_.size() < kListedFiles) finished_.push_back(printable(outputs.main().string()));
  }

  /// Overwriting is for files of earlier runs: two jobs of one run never share a name.
  void refuse_claimed(const fs::path& path) {
    if (claimed_.contains(path)) {
      throw Error(ExitCode::kUsage, fmt::format("{}: an earlier job of this run has written it; accepted: distinct "
                                                "\"name\" or \"seed\"",
                                                printable(path.string())));
    }
    program_.interrupt.watch_folder(path.parent_path());
  }

  [[noreturn]] void throw_interrupted() const {
    const std::string more =
        finished_count_ > finished_.size() ? fmt::format(" and {} more", finished_count_ - finished_.size()) : "";
    const std::string kept = finished_.empty()
                                 ? "no job had finished"
                                 : fmt::format("finished and kept: {}{}", fmt::join(finished_, ", "), more);
    throw Error(ExitCode::kInterrupted, "interrupted: stopped after a step; " + kept);
  }

  Program& program_;
  const JobSettings& settings_;
  const OutputNaming& naming_;
  std::vector<fs::path> inputs_;
  std::set<fs::path> claimed_;
  std::vector<std::string> finished_;
  std::size_t finished_count_ = 0;
  std::size_t jobs_ = 0;
};

/// Jobs known without reading a file are refused before the model is loaded.
void check_early(const GenerateArguments& arguments, const OutputNaming& naming, const std::vector<fs::path>& inputs) {
  if (naming.several_jobs()) return;
  const std::uint64_t seed = arguments.sampling.seeds.empty() ? Request{}.seed : arguments.sampling.seeds.front();
  check_outputs(naming.outputs({}, seed), arguments.overwrite, inputs);
}

}  // namespace

ExitCode generate_clips(Program& program, const GenerateArguments& arguments, const std::string& command) {
  refuse_options_without_effect(arguments);
  const OutputNaming naming(arguments);
  const std::vector<PolicySpec> policies = requested_policies(arguments);
  make_policy(policies);  // reads the files they name, before the model is loaded
  const std::vector<fs::path> inputs = inputs_of(arguments, policies);
  const Request base = base_request(arguments);
  JobSource source({.prompts = arguments.prompts,
                    .seeds = arguments.sampling.seeds,
                    .given_noise = arguments.noise.has_value(),
                    .stop = program.interrupt.token()},
                   base);
  if (arguments.dry_run) {
    const Session session = open_session(arguments.model, program.console);
    return dry_run(program, {arguments, session, policies, command}, source);
  }
  check_early(arguments, naming, inputs);
  const JobFolders folders(naming.job_folders());
  const Session session = open_session(arguments.model, program.console);
  const JobSettings settings{arguments, session, policies, command};
  return Batch(program, settings, naming, inputs).run(source);
}

}  // namespace ditto
