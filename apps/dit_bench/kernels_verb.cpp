#include <algorithm>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/machine.h"
#include "apps/dit_bench/kernel_cases.h"
#include "apps/dit_bench/verbs.h"
#include "eval/summary.h"
#include "kernels/cpu/cpu_kernels.h"
#include "runtime/pipeline.h"

namespace ditto {
namespace {

/// Of an activation. Where it does not fit the second-level cache, `cached_tokens` of it do; otherwise 0.
struct Size {
  std::int64_t tokens, channels, cached_tokens;
};
/// The miniature at 64 x 64 and 128 x 128, and a short clip of a 1.3 billion parameter model.
constexpr Size kSizes[] = {{80, 128, 0}, {320, 128, 0}, {1560, 1536, 40}};

/// Calls of a repetition: enough that the clock does not matter.
constexpr double kRepetitionSeconds = 3e-4;

/// On one thread the time this thread had the processor, which others on the machine do not change.
double now() {
  timespec time{};
  clock_gettime(at::get_num_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_of(const std::function<void()>& call, int calls) {
  const double begin = now();
  for (int i = 0; i < calls; ++i) call();
  return (now() - begin) / calls;
}

int calls_for(const std::function<void()>& call) {
  call();
  // The clock may stand still during three quick calls.
  constexpr double kShortest = 1e-7;
  return std::max(1, static_cast<int>(kRepetitionSeconds / std::max(kShortest, seconds_of(call, 3))));
}

/// Copies as many bytes as the operation moves, reading one half and writing the other.
std::function<void()> copy_of(std::int64_t bytes) {
  const at::Tensor from = at::ones({bytes / 2}, at::kByte), to = at::empty({bytes / 2}, at::kByte);
  return [=] { to.copy_(from); };
}

/// Medians over interleaved repetitions of the ratios of each form's time to the fused one's; 0 for a form there is
/// none of. `cached` is the fused form on few tokens, token for token: what memory has no part in.
struct Ratios {
  double unfused = 0, aten = 0, copy = 0, cached = 0;
};

/// `cached` is the same operation on tokens that stay in the cache, or null.
Ratios measure(const KernelCase& kernel, const KernelCase* cached, const Size& size, int repetitions) {
  std::vector<std::function<void()>> forms = {kernel.fused, kernel.unfused, kernel.aten, {}, {}};
  if (kernel.bytes > 0) forms[3] = copy_of(kernel.bytes);
  if (kernel.bytes > 0 && cached != nullptr) forms[4] = cached->fused;
  std::vector<int> calls;
  for (const auto& form : forms) calls.push_back(form ? calls_for(form) : 0);
  std::vector<std::vector<double>> ratios(forms.size());
  for (int k = 0; k < repetitions; ++k) {
    const double fused = seconds_of(forms.front(), calls.front());
    for (std::size_t i = 1; i < forms.size(); ++i) {
      if (forms[i]) ratios[i].push_back(seconds_of(forms[i], calls[i]) / fused);
    }
  }
  const auto median_of = [&](std::size_t form) { return ratios[form].empty() ? 0 : median(ratios[form]); };
  Ratios result = {median_of(1), median_of(2), median_of(3), median_of(4)};
  if (result.cached > 0) result.cached *= static_cast<double>(size.tokens) / static_cast<double>(size.cached_tokens);
  return result;
}

void report(Console& console, const KernelCase& kernel, const Size& size, const std::string& dtype,
            const Ratios& ratios) {
  nlohmann::ordered_json event = {{"operation", kernel.operation},
                                  {"tokens", size.tokens},
                                  {"channels", size.channels},
                                  {"dtype", dtype},
                                  {"times_as_fast_as_unfused", ratios.unfused}};
  std::string line = fmt::format("{:<32} {:>4} x {:<4} {}  {:5.2f}x unfused", kernel.operation, size.tokens,
                                 size.channels, dtype, ratios.unfused);
  const auto add = [&](const char* key, double ratio, const std::string& text) {
    if (ratio > 0) event[key] = ratio;
    line += ratio > 0 ? text : std::string(text.size(), ' ');
  };
  add("times_as_fast_as_aten", ratios.aten, fmt::format("  {:5.2f}x ATen", ratios.aten));
  add("share_of_copy_bandwidth", ratios.copy, fmt::format("  {:4.0f} % of copy bandwidth", 100 * ratios.copy));
  add("share_of_time_in_cache", ratios.cached,
      fmt::format("  {:3.0f} % of its time in the cache", 100 * ratios.cached));
  console.event(event);
  console.result(line.substr(0, line.find_last_not_of(' ') + 1));
}

}  // namespace

ExitCode bench_kernels(Program& program, const KernelsArguments& arguments) {
  const c10::InferenceMode inference;
  at::set_num_threads(arguments.threads);
  announce_machine(program.console);
  program.console.note(fmt::format("kernels compiled for {}", kernels::cpu_kernels().target));
  for (const Size& size : kSizes) {
    for (const std::string dtype : {"fp32", "bf16"}) {
      const at::ScalarType type = dtype == "bf16" ? at::kBFloat16 : at::kFloat;
      const std::vector<KernelCase> cases = kernel_cases(size.tokens, size.channels, type);
      std::vector<KernelCase> cached;
      if (size.cached_tokens > 0) cached = kernel_cases(size.cached_tokens, size.channels, type);
      for (std::size_t i = 0; i < cases.size(); ++i) {
        if (arguments.stop.stop_requested()) throw Cancelled();
        const Ratios ratios = measure(cases[i], cached.empty() ? nullptr : &cached[i], size, arguments.repetitions);
        report(program.console, cases[i], size, dtype, ratios);
      }
    }
  }
  return ExitCode::kDone;
}

}  // namespace ditto
