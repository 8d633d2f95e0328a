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

namespace ditto {
namespace {

struct Size {
  std::int64_t tokens, channels;
};
/// The miniature at 64 x 64 and 128 x 128, and a short clip of a 1.3 billion parameter model.
constexpr Size kSizes[] = {{80, 128}, {320, 128}, {1560, 1536}};

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

/// Medians over interleaved repetitions of the ratios of each form's time to the fused one's.
struct Ratios {
  double unfused = 0, aten = 0, copy = 0;
};

Ratios measure(const KernelCase& kernel, int repetitions) {
  const std::vector<std::function<void()>> forms = {kernel.fused, kernel.unfused,
                                                    kernel.aten ? kernel.aten : kernel.unfused, copy_of(kernel.bytes)};
  std::vector<int> calls;
  for (const auto& form : forms) calls.push_back(calls_for(form));
  std::vector<std::vector<double>> ratios(forms.size());
  for (int k = 0; k < repetitions; ++k) {
    std::vector<double> seconds;
    for (std::size_t i = 0; i < forms.size(); ++i) seconds.push_back(seconds_of(forms[i], calls[i]));
    for (std::size_t i = 0; i < forms.size(); ++i) ratios[i].push_back(seconds[i] / seconds.front());
  }
  return {median(ratios[1]), kernel.aten ? median(ratios[2]) : 0, median(ratios[3])};
}

void report(Console& console, const KernelCase& kernel, const Size& size, const std::string& dtype,
            const Ratios& ratios) {
  nlohmann::ordered_json event = {{"operation", kernel.operation},
                                  {"tokens", size.tokens},
                                  {"channels", size.channels},
                                  {"dtype", dtype},
                                  {"times_as_fast_as_unfused", ratios.unfused},
                                  {"share_of_copy_bandwidth", ratios.copy}};
  if (kernel.aten) event["times_as_fast_as_aten"] = ratios.aten;
  console.event(event);
  console.result(fmt::format("{:<32} {:>4} x {:<4} {}  {:5.2f}x unfused  {:>10}  {:4.0f} % of copy bandwidth",
                             kernel.operation, size.tokens, size.channels, dtype, ratios.unfused,
                             kernel.aten ? fmt::format("{:.2f}x ATen", ratios.aten) : "", 100 * ratios.copy));
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
      for (const KernelCase& kernel : kernel_cases(size.tokens, size.channels, type)) {
        report(program.console, kernel, size, dtype, measure(kernel, arguments.repetitions));
      }
    }
  }
  return ExitCode::kDone;
}

}  // namespace ditto
