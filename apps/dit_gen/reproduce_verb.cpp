#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/step_reporter.h"
#include "apps/dit_gen/initial_noise.h"
#include "apps/dit_gen/run_metadata.h"
#include "apps/dit_gen/verbs.h"
#include "caches/schedule.h"
#include "core/printable.h"
#include "io/frame_hash.h"
#include "io/manifest.h"
#include "io/video.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

RunMetadata read_metadata(const fs::path& file) {
  const std::string source = printable(file.string());
  const VideoInfo info = read_video_info(file);
  if (info.metadata_json.empty()) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: holds no record of its run; accepted: an mp4 that dit-gen wrote without --no-metadata",
                            source));
  }
  return RunMetadata::parse(info.metadata_json, source + ": comment");
}

/// The model the recorded run used: the folder given, else the shipped one, when its weights are the same.
ModelArguments model_of(const RunMetadata& metadata, const ReproduceArguments& arguments) {
  ModelArguments model = arguments.model;
  if (model.folder.empty()) model.folder = shipped_model();
  const std::string hash =
      weight_hash(model.folder, model.no_verify ? ManifestTrust::kIgnored : ManifestTrust::kVerified);
  if (hash != metadata.model.weight_hash) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: its weights are {}; accepted: -m with the folder of '{}', weights {}",
                            printable(model.folder.string()), hash.substr(0, 16), printable(metadata.model.name),
                            printable(metadata.model.weight_hash.substr(0, 16))));
  }
  if (!model.device) model.device = metadata.device;
  if (!model.dtype) model.dtype = metadata.dtype;
  if (!model.kernels) model.kernels = metadata.kernels;
  if (!model.prompt_clean) model.prompt_clean = metadata.prompt_clean;
  if (!model.threads) model.threads = metadata.threads;
  return model;
}

Request request_of(const RunMetadata& metadata, const std::optional<fs::path>& noise) {
  Request request;
  request.prompt = metadata.prompt;
  request.negative = metadata.negative;
  request.seed = metadata.seed;
  request.width = metadata.width;
  request.height = metadata.height;
  request.frames = metadata.frames;
  request.steps = metadata.steps;
  request.guidance = metadata.guidance;
  request.shift = metadata.shift;
  request.solver = metadata.solver;
  if (!metadata.noise_sha256) {
    if (noise) {
      throw Error(ExitCode::kUsage, "--noise: the recorded run drew its noise from a seed; accepted: no --noise");
    }
    return request;
  }
  if (!noise) {
    throw Error(ExitCode::kUsage, fmt::format("--noise: is missing; accepted: the initial latent of the recorded run, "
                                              "SHA-256 of its data {}",
                                              printable(*metadata.noise_sha256)));
  }
  request.noise = read_noise(*noise);
  if (tensor_hash(request.noise) != *metadata.noise_sha256) {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: is another initial latent; accepted: SHA-256 of its data {}",
                                                     printable(noise->string()), printable(*metadata.noise_sha256)));
  }
  return request;
}

/// The policy of the recorded run; decisions that came from a file are those of the recorded trace.
PolicyFactory policy_of(const RunMetadata& metadata, const std::vector<PolicySpec>& policies,
                        const std::string& source) {
  if (metadata.trace) {
    const Trace trace = Trace::parse(*metadata.trace, source + ": comment: trace");
    return [trace, source] { return make_replay(trace, source); };
  }
  return [&policies] { return make_policy(policies); };
}

/// What differs from the recorded run and can explain another result.
std::vector<std::string> differences(const RunMetadata& recorded, const RunMetadata& repeated) {
  std::vector<std::string> found;
  const auto compare = [&](const char* what, const std::string& then, const std::string& now) {
    if (then != now) found.push_back(fmt::format("{} was {}, is {}", what, printable(then), printable(now)));
  };
  compare("version", recorded.version, repeated.version);
  compare("device", recorded.device, repeated.device);
  compare("dtype", recorded.dtype, repeated.dtype);
  compare("kernels", recorded.kernels, repeated.kernels);
  compare("prompt cleaning", recorded.prompt_clean, repeated.prompt_clean);
  compare("threads", std::to_string(recorded.threads), std::to_string(repeated.threads));
  if (recorded.decisions != repeated.decisions) found.emplace_back("decisions differ");
  if (found.empty()) found.emplace_back("same options, version and threads: another processor or library");
  return found;
}

}  // namespace

ExitCode reproduce(Program& program, const ReproduceArguments& arguments) {
  const RunMetadata recorded = read_metadata(arguments.file);
  const Session session = open_session(model_of(recorded, arguments), program.console);
  const Request request = request_of(recorded, arguments.noise);
  std::vector<PolicySpec> policies;
  if (!recorded.trace) {
    for (const std::string& text : recorded.cache) policies.push_back(parse_policy(text));
  }
  GenerateOptions options;
  options.engine.max_cache_bytes = recorded.cache_bytes.value_or(std::numeric_limits<std::int64_t>::max());
  options.stop = program.interrupt.token();
  options.on_step = StepReporter(program.console, "", true);
  const bool is_full = policies.empty() && !recorded.trace;
  Result result = is_full ? generate(*session.model, request, options)
                          : generate(*session.model, request,
                                     policy_of(recorded, policies, printable(arguments.file.string())), options);
  result.trace.result->frame_hash = frame_hash(result.frames);
  const RunMetadata repeated = describe_run({session, resolve(*session.model, request), result, policies, recorded.fps,
                                             recorded.cache_bytes, request.noise.defined()});
  const bool equal = repeated.frame_hash == recorded.frame_hash;
  program.console.event({{"event", "reproduce"},
                         {"equal", equal},
                         {"recorded_frame_hash", recorded.frame_hash},
                         {"frame_hash", repeated.frame_hash}});
  if (!equal) {
    throw Error(
        ExitCode::kInternal,
        fmt::format("{}: not reproduced: frame hash {} was {} ({}); accepted: equal hashes",
                    printable(arguments.file.string()), repeated.frame_hash.substr(0, 16),
                    printable(recorded.frame_hash.substr(0, 16)), fmt::join(differences(recorded, repeated), "; ")));
  }
  program.console.result(
      fmt::format("{}: reproduced, frame hash {}", printable(arguments.file.string()), repeated.frame_hash));
  return ExitCode::kDone;
}

}  // namespace ditto
