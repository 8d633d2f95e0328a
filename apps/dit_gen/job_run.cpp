#include "apps/dit_gen/job_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/detail_recorder.h"
#include "apps/common/machine.h"
#include "apps/common/step_reporter.h"
#include "apps/dit_gen/run_metadata.h"
#include "core/error.h"
#include "eval/report/report_page.h"
#include "eval/report/table.h"
#include "io/contact_sheet.h"
#include "io/frame_hash.h"
#include "io/image.h"
#include "io/safetensors.h"
#include "io/video.h"

namespace ditto {
namespace {

constexpr int kWarmUpSteps = 2;

double mebibytes(std::int64_t bytes) { return std::ldexp(static_cast<double>(bytes), -20); }

/// Whether a policy was asked not to reuse anything: then it is no news that nothing was reused.
bool is_switched_off(const PolicySpec& policy) {
  if (policy.entry->name == "none") return true;
  return std::ranges::any_of(policy.options.values(), [&](const auto& option) {
    return option.first + "=" + option.second == policy.entry->disabled;
  });
}

class JobRun {
 public:
  JobRun(Program& program, const JobSettings& settings, const Job& job, const JobOutputs& outputs)
      : program_(program), settings_(settings), job_(job), outputs_(outputs), model_(*settings.session.model) {
    request_ = resolve_with_effect(model_, job.request);
    fps_ = settings.arguments.fps.value_or(model_.defaults().fps);
  }

  void run() {
    announce();
    if (settings_.arguments.compare) generate_full();
    generate_clip();
    write_outputs();
    warn_without_effect();
    report();
  }

 private:
  void announce() {
    program_.console.note(fmt::format("{}: seed {}, {}x{}, {} frames, {} steps, guidance {}, {}, cache {}",
                                      outputs_.main().string(), request_.seed, request_.width, request_.height,
                                      request_.frames, request_.steps, request_.guidance, request_.solver,
                                      joined_names(settings_.policies)));
    const auto warn = [&](const char* option, const std::optional<std::string>& warning) {
      if (warning) program_.console.warn(fmt::format("{}: {}", option, *warning));
    };
    warn("--prompt", model_.text_warning(request_.prompt));
    if (request_.branches.size() > 1) warn("--negative", model_.text_warning(request_.negative));
  }

  GenerateOptions options(const std::string& label, bool events) {
    GenerateOptions options;
    options.engine.max_cache_bytes = settings_.arguments.cache_bytes.value_or(std::numeric_limits<std::int64_t>::max());
    options.policy_names = portable_names(settings_.policies);
    options.stop = program_.interrupt.token();
    options.on_step = StepReporter(program_.console, label, events);
    return options;
  }

  /// The first steps of a process are slower (pages, thread pools, chosen kernels): they are run and discarded, so that
  /// both measured runs are warm.
  void generate_full() {
    Request warm_up = job_.request;
    warm_up.steps = std::min(kWarmUpSteps, request_.steps);
    GenerateOptions discarded;
    discarded.decode = false;
    discarded.stop = program_.interrupt.token();
    text_seconds_ = generate(model_, warm_up, discarded).seconds.text;
    GenerateOptions chosen = options("full compute: ", false);
    if (!outputs_.report.empty()) recorder_.watch_full(chosen);
    full_ = generate(model_, job_.request, chosen);
    full_->seconds.text = text_seconds_;  // the prompt is remembered by now
  }

  void generate_clip() {
    GenerateOptions chosen = options(settings_.arguments.compare ? "cached: " : "", true);
    if (!outputs_.report.empty()) recorder_.watch_cached(chosen);
    result_ = settings_.policies.empty()
                  ? generate(model_, job_.request, chosen)
                  : generate(
                        model_, job_.request, [this] { return make_policy(settings_.policies); }, chosen);
    result_.trace.result->frame_hash = frame_hash(result_.frames);
    if (!full_) return;
    result_.seconds.text = text_seconds_;
    comparison_ = compare(*full_, result_);
  }

  void write_outputs() {
    const auto start = std::chrono::steady_clock::now();
    const Existing existing = settings_.arguments.overwrite ? Existing::kReplace : Existing::kKeep;
    check_outputs(outputs_, settings_.arguments.overwrite, {});
    if (!outputs_.trace.empty()) result_.trace.write(outputs_.trace);
    if (!outputs_.save_noise.empty()) save_safetensors(outputs_.save_noise, {{"noise", result_.noise.cpu()}});
    if (!outputs_.save_latents.empty()) save_safetensors(outputs_.save_latents, {{"latents", result_.latents.cpu()}});
    if (!outputs_.contact_sheet.empty()) write_image(outputs_.contact_sheet, contact_sheet(), existing);
    if (!outputs_.frames_dir.empty()) write_frames(outputs_.frames_dir, result_.frames, existing);
    if (!outputs_.frames.empty()) write_frames(outputs_.frames, result_.frames, existing);
    if (!outputs_.video.empty()) write_video(outputs_.video, result_.frames, video_options(existing));
    encode_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!outputs_.report.empty()) write_report(existing);
  }

  void write_report(Existing existing) const {
    RunDetail detail = recorder_.finish(*full_, result_);
    detail.cache = joined_names(settings_.policies);
    detail.prompt = request_.prompt;
    detail.seed = request_.seed;
    detail.command = settings_.command;
    detail.time.encode = detail.full_time.encode = encode_seconds_;  // full compute's clip would have cost as much
    nlohmann::ordered_json machine = describe_machine();
    machine["dtype"] = dtype_name(settings_.session.load.dtype);
    ReportContents contents;
    std::vector<std::string> names;
    for (const PolicySpec& policy : settings_.policies) names.push_back(policy.entry->name);
    contents.title = fmt::format("{} against full compute", fmt::join(names, " + "));
    contents.machine = machine_line(machine);
    contents.command = detail.command;
    contents.runs = {std::move(detail)};
    AtomicFolder folder(outputs_.report, existing);
    write_text_file(folder.temporary() / "report.html", render_report(contents, folder.temporary()));
    folder.commit();
  }

  at::Tensor contact_sheet() const {
    if (!full_) return render_contact_sheet(std::vector<ContactRow>{{sheet_label(), result_.frames}});
    const std::vector<ContactRow> rows = {{"full compute", full_->frames}, {sheet_label(), result_.frames}};
    return render_contact_sheet(rows, {.difference_row = true});
  }

  std::string sheet_label() const {
    return settings_.policies.empty() ? "full compute" : "cached: " + joined_names(settings_.policies);
  }

  VideoOptions video_options(Existing existing) const {
    VideoOptions options;
    options.fps = fps_;
    options.existing = existing;
    if (settings_.arguments.no_metadata) return options;
    const RunMetadata metadata = describe_run({settings_.session, request_, result_, settings_.policies, fps_,
                                               settings_.arguments.cache_bytes, job_.request.noise.defined()});
    options.metadata_json = metadata.to_json().dump();
    return options;
  }

  void warn_without_effect() {
    warn_about_budget();
    for (const std::string& warning : result_.warnings) program_.console.warn("--cache: " + warning);
    std::optional<double> least;
    for (const TraceEvent& event : result_.trace.events) {
      if (event.score && (!least || *event.score < *least)) least = event.score;
    }
    const bool silent = settings_.policies.empty() || std::ranges::all_of(settings_.policies, is_switched_off);
    if (silent || result_.counts.units_computed < result_.units_total) return;
    const std::string score = least ? fmt::format("; the smallest score was {:.4g}", *least) : "";
    program_.console.warn(fmt::format("--cache: {} reused nothing in {} step{}{}", joined_names(settings_.policies),
                                      request_.steps, request_.steps == 1 ? "" : "s", score));
  }

  void warn_about_budget() {
    const std::optional<std::int64_t>& budget = settings_.arguments.cache_bytes;
    if (!budget) return;
    if (result_.trace.run.sites.empty()) {
      program_.console.warn(
          fmt::format("--cache-bytes: has no effect: cache {} stores nothing", joined_names(settings_.policies)));
    }
    if (result_.cache_refusals > 0) {
      program_.console.warn(
          fmt::format("--cache-bytes: {} features did not fit the budget of {} bytes and could not be "
                      "reused",
                      result_.cache_refusals, *budget));
    }
  }

  void report() {
    if (comparison_ && comparison_->why_no_ssim) {
      program_.console.warn(fmt::format("compare: ssim is null: {}", *comparison_->why_no_ssim));
    }
    if (comparison_ && comparison_->why_no_lpips) {
      program_.console.warn(fmt::format("compare: lpips_alex is null: {}", *comparison_->why_no_lpips));
    }
    program_.console.event(done_event());
    program_.console.note(fmt::format(
        "{} of {} units computed; text {:.2f} s, denoise {:.2f} s, decode {:.2f} s, encode {:.2f} s; cache peak {:.1f} "
        "MiB",
        result_.counts.units_computed, result_.units_total, result_.seconds.text, result_.seconds.denoise,
        result_.seconds.decode, encode_seconds_, mebibytes(result_.cache_bytes_peak)));
    program_.console.result(outputs_.main().string());
    if (comparison_) {
      program_.console.result(honest_line());
      if (!outputs_.report.empty()) program_.console.note("report: " + (outputs_.report / "report.html").string());
      program_.console.note("again: " + settings_.command);
    }
  }

  std::string honest_line() const {
    const std::string similarity =
        comparison_->ssim ? fmt::format("SSIM {:.4f}", *comparison_->ssim) : "SSIM undefined";
    const std::string distance =
        comparison_->lpips_alex ? fmt::format("LPIPS {:.4f}", *comparison_->lpips_alex) : "LPIPS not measured";
    return fmt::format(
        "{:.2f}x faster denoising, measured: {:.2f} s -> {:.2f} s (one run each, {} thread{}, {}, after a discarded "
        "warm-up of {} steps); PSNR {:.2f} dB, {}, {}, worst frame {} ({:.2f} dB)",
        comparison_->speedup, comparison_->full_seconds, result_.seconds.denoise, settings_.session.threads,
        settings_.session.threads == 1 ? "" : "s", dtype_name(settings_.session.load.dtype),
        std::min(kWarmUpSteps, request_.steps), comparison_->psnr, similarity, distance, comparison_->worst_frame,
        comparison_->worst_psnr);
  }

  nlohmann::ordered_json done_event() const {
    nlohmann::ordered_json event = {
        {"event", "done"},
        {"output", outputs_.main().string()},
        {"seed", request_.seed},
        {"seconds",
         {{"load", settings_.session.load_seconds},
          {"text", result_.seconds.text},
          {"denoise", result_.seconds.denoise},
          {"decode", result_.seconds.decode},
          {"encode", encode_seconds_}}},
        {"steps", request_.steps},
        {"units", counts(result_.counts.units_computed, result_.units_total)},
        {"branch_steps", counts(result_.counts.branch_steps_computed, result_.branch_steps_total)},
        {"cache_bytes_peak", result_.cache_bytes_peak},
        {"frame_hash", result_.trace.result->frame_hash},
        {"cache", joined_names(settings_.policies)},
        {"compare", nullptr}};
    if (comparison_) event["compare"] = to_json(*comparison_);
    if (!outputs_.report.empty()) event["report"] = (outputs_.report / "report.html").string();
    return event;
  }

  static nlohmann::ordered_json counts(std::int64_t computed, std::int64_t total) {
    return {{"computed", computed}, {"total", total}};
  }

  static nlohmann::ordered_json to_json(const Comparison& comparison) {
    nlohmann::ordered_json json = {{"full_seconds", comparison.full_seconds},
                                   {"speedup", comparison.speedup},
                                   {"psnr", comparison.psnr},
                                   {"ssim", nullptr},
                                   {"lpips_alex", nullptr},
                                   {"worst_frame", comparison.worst_frame}};
    if (comparison.ssim) json["ssim"] = *comparison.ssim;
    if (comparison.lpips_alex) json["lpips_alex"] = *comparison.lpips_alex;
    return json;
  }

  Program& program_;
  const JobSettings& settings_;
  const Job& job_;
  const JobOutputs& outputs_;
  const VideoModel& model_;
  ResolvedRequest request_;
  int fps_ = 0;
  DetailRecorder recorder_;
  std::optional<Result> full_;
  Result result_;
  std::optional<Comparison> comparison_;
  double encode_seconds_ = 0;
  double text_seconds_ = 0;  ///< of the warm-up, where there is one
};

}  // namespace

void run_job(Program& program, const JobSettings& settings, const Job& job, const JobOutputs& outputs) {
  JobRun(program, settings, job, outputs).run();
}

}  // namespace ditto
