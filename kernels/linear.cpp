#include "kernels/linear.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <c10/core/InferenceMode.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;
using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                   std::string_view, Scalars, std::optional<std::string_view>);

/// oneDNN's linear layer with a fused element-wise operation; LibTorch has no public C++ name for it.
at::Tensor onednn_linear(const at::Tensor& x, const Linear& layer, Activation activation) {
  static const auto operation =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<LinearPointwise>();
  static const Scalars no_scalars;
  if (activation == Activation::kNone) {
    return operation.call(x, layer.weight, layer.bias, "none", no_scalars, std::nullopt);
  }
  return operation.call(x, layer.weight, layer.bias, "gelu", no_scalars, "tanh");
}

/// The shape of the probe: rows, inputs and outputs of a small transformer's layer.
constexpr std::int64_t kProbeRows = 160, kProbeIn = 128, kProbeOut = 512;
constexpr int kProbeRounds = 25;
constexpr double kClearMargin = 1.25;

struct Probe {
  at::Tensor x;
  Linear layer;

  explicit Probe(at::ScalarType dtype) {
    x = at::full({kProbeRows, kProbeIn}, 0.5, dtype);
    layer = {at::full({kProbeOut, kProbeIn}, 0.01, dtype), at::full({kProbeOut}, 0.1, dtype)};
  }

  /// False when LibTorch was built without oneDNN or the processor lacks the instructions for this dtype.
  bool onednn_works() const {
    try {
      onednn_linear(x, layer, Activation::kGeluTanh);
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }

  /// Best seconds of one at::linear divided by best seconds of oneDNN, taken in turn.
  double onednn_speedup() const {
    double aten = std::numeric_limits<double>::infinity(), onednn = aten;
    const auto keep_best = [](double& best, const auto& call) {
      const auto begin = std::chrono::steady_clock::now();
      call();
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    };
    for (int round = 0; round < kProbeRounds; ++round) {
      keep_best(aten, [&] { at::linear(x, layer.weight, layer.bias); });
      keep_best(onednn, [&] { onednn_linear(x, layer, Activation::kNone); });
    }
    return aten / onednn;
  }
};

/// What the probe found for one dtype.
struct Choice {
  bool onednn_works;
  LinearBackend plain;
};

Choice probe(at::ScalarType dtype) {
  const c10::InferenceMode inference;
  const Probe probe(dtype);
  if (!probe.onednn_works()) return {false, LinearBackend::kAten};
  // bf16: both go to oneDNN and give the same bits, the fused call with less overhead.
  const bool onednn = dtype != at::kFloat || probe.onednn_speedup() >= kClearMargin;
  return {true, onednn ? LinearBackend::kOneDnn : LinearBackend::kAten};
}

const Choice& choice(at::ScalarType dtype) {
  static const Choice float32 = probe(at::kFloat);
  static const Choice bfloat16 = probe(at::kBFloat16);
  static const Choice other{false, LinearBackend::kAten};
  return dtype == at::kFloat ? float32 : dtype == at::kBFloat16 ? bfloat16 : other;
}

}  // namespace

LinearBackend linear_backend(at::ScalarType dtype) { return choice(dtype).plain; }

std::string_view backend_name(LinearBackend backend) { return backend == LinearBackend::kAten ? "aten" : "onednn"; }

at::Tensor Linear::forward(const at::Tensor& x, KernelMode mode, Activation activation) const {
  if (mode == KernelMode::kAuto && x.is_cpu()) {
    const Choice& found = choice(x.scalar_type());
    const bool onednn = activation == Activation::kNone ? found.plain == LinearBackend::kOneDnn : found.onednn_works;
    if (onednn) return onednn_linear(x, *this, activation);
  }
  return reference::linear(x, weight, bias, activation == Activation::kGeluTanh);
}

}  // namespace ditto::kernels
