#include "apps/dit_gen/generate_arguments.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

void add_request_options(CLI::App& app, GenerateArguments& arguments) {
  add_text_option(app, "-p,--prompt", "what to show", "TEXT",
                  [&](const std::string& text) { arguments.prompt = text; });
  add_text_option(app, "-n,--negative", "what to avoid; needs guidance above 1 (default \"\")", "TEXT",
                  [&](const std::string& text) { arguments.negative = text; });
  add_path_option(
      app, "--prompts",
      "one job a line: a prompt, or a JSON object with prompt, negative, seed, size, frames, name; # comments", "FILE",
      arguments.prompts);
  add_sampling_options(app, arguments.sampling);
  add_integer_option(app, "--fps", "frames per second of the mp4 (default: the model's own)", 1, 240, arguments.fps);
  add_path_option(app, "--noise", "initial latent: safetensors, tensor \"noise\", fp32 [1,C,F,H,W]", "FILE",
                  arguments.noise);
}

void add_cache_options(CLI::App& app, GenerateArguments& arguments) {
  app.add_option("--cache", arguments.cache,
                 "cache policy NAME[:key=value,...]; repeat to stack several (see: dit-gen policies)")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  add_path_option(app, "--schedule", "take the decisions from a planned schedule", "FILE", arguments.schedule);
  add_path_option(app, "--replay", "take the decisions from the trace of an earlier run", "FILE", arguments.replay);
  add_text_option(app, "--cache-bytes", "budget of stored features, as in 2GiB; over it, recompute", "SIZE",
                  [&](const std::string& text) { arguments.cache_bytes = parse_bytes("--cache-bytes", text); });
  app.add_flag("--compare", arguments.compare,
               "also run full compute with the same noise; print speed-up, PSNR, SSIM, worst frame");
}

void add_output_options(CLI::App& app, GenerateArguments& arguments) {
  add_path_option(app, "-o,--output",
                  "an .mp4, or a folder for PNG frames; of several jobs see below (default: ditto-<seed>.mp4)", "PATH",
                  arguments.output);
  add_path_option(app, "--frames-dir", "also write PNG frames", "DIR", arguments.frames_dir);
  add_path_option(app, "--contact-sheet", "a PNG with frames; with --compare: full, cached, 8x difference", "FILE",
                  arguments.contact_sheet);
  add_path_option(app, "--report",
                  "with --compare: a folder for report.html (decisions, errors, time, memory, pictures) and its plots",
                  "DIR", arguments.report);
  add_path_option(app, "--trace", "decision trace, JSON Lines", "FILE", arguments.trace);
  add_path_option(app, "--save-noise", "keep the initial latent (safetensors)", "FILE", arguments.save_noise);
  add_path_option(app, "--save-latents", "keep the final latent (safetensors)", "FILE", arguments.save_latents);
  app.add_flag("--dry-run", arguments.dry_run, "print site x step map, predicted seconds and bytes; write nothing");
  app.add_flag("--json", arguments.json, "JSON Lines on stdout: step, warning, done, failed");
  app.add_flag("-q,--quiet", arguments.quiet, "nothing on stderr but errors");
  app.add_flag("-y,--overwrite", arguments.overwrite, "replace existing outputs");
  app.add_flag("--no-metadata", arguments.no_metadata,
               "leave prompt, options and decisions out of the mp4 (they are stored in its comment otherwise)");
}

[[noreturn]] void refuse(std::string_view option, std::string_view what, std::string_view accepted) {
  throw Error(ExitCode::kUsage, fmt::format("{}: {}; accepted: {}", option, what, accepted));
}

void refuse_with_dry_run(const GenerateArguments& arguments) {
  const std::pair<const char*, bool> outputs[] = {{"--output", arguments.output.has_value()},
                                                  {"--frames-dir", arguments.frames_dir.has_value()},
                                                  {"--contact-sheet", arguments.contact_sheet.has_value()},
                                                  {"--report", arguments.report.has_value()},
                                                  {"--trace", arguments.trace.has_value()},
                                                  {"--save-noise", arguments.save_noise.has_value()},
                                                  {"--save-latents", arguments.save_latents.has_value()},
                                                  {"--overwrite", arguments.overwrite},
                                                  {"--no-metadata", arguments.no_metadata},
                                                  {"--fps", arguments.fps.has_value()},
                                                  {"--compare", arguments.compare},
                                                  {"--noise", arguments.noise.has_value()}};
  for (const auto& [option, given] : outputs) {
    if (given) refuse(option, "has no effect with --dry-run", "one of the two");
  }
}

}  // namespace

void add_generate_options(CLI::App& app, GenerateArguments& arguments) {
  const auto group = [&app](const char* name) { app.option_defaults()->group(name); };
  group("What to generate");
  add_request_options(app, arguments);
  group("Model and machine");
  add_model_options(app, arguments.model);
  group("Caching");
  add_cache_options(app, arguments);
  group("Outputs");
  add_output_options(app, arguments);
  group("Options");
}

void refuse_options_without_effect(const GenerateArguments& arguments) {
  if (arguments.prompt && arguments.prompts) refuse("--prompts", "cannot be joined with --prompt", "one of the two");
  if (!arguments.prompt && !arguments.prompts) refuse("--prompt", "is missing", "-p TEXT, or --prompts FILE");
  const bool cached = !arguments.cache.empty() || arguments.schedule || arguments.replay;
  if (arguments.replay && (arguments.schedule || !arguments.cache.empty())) {
    refuse("--replay", "cannot be joined with another source of decisions",
           "--replay alone, or --schedule and --cache");
  }
  if (arguments.compare && !cached) refuse("--compare", "there is nothing to compare", "with --cache or --schedule");
  if (arguments.report && !arguments.compare) refuse("--report", "has no effect without --compare", "with --compare");
  if (arguments.cache_bytes && !cached) refuse("--cache-bytes", "has no effect without a cache", "with --cache");
  if (arguments.noise && !arguments.sampling.seeds.empty()) {
    refuse("--seed", "has no effect with --noise, which replaces what a seed draws", "one of the two");
  }
  if (arguments.dry_run) refuse_with_dry_run(arguments);
}

std::vector<PolicySpec> requested_policies(const GenerateArguments& arguments) {
  std::vector<PolicySpec> specifications;
  // Not by text: a path may hold a comma.
  const auto from_file = [&](std::string_view name, const std::filesystem::path& file) {
    const auto entry = std::ranges::find(policies(), name, &PolicyEntry::name);
    specifications.push_back({&*entry, PolicyOptions({{"file", file.string()}})});
  };
  // The schedule comes first: it knows the full grid, caches take what it leaves.
  if (arguments.schedule) from_file("schedule", *arguments.schedule);
  for (const std::string& text : arguments.cache) specifications.push_back(parse_policy(text));
  if (arguments.replay) from_file("replay", *arguments.replay);
  return specifications;
}

}  // namespace ditto
