#include "kernels/solver_update.h"

#include <ATen/ops/empty.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>
#include <c10/util/Half.h>

#include "kernels/host/matrices.h"
#include "kernels/host/run_kernel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

void check(const Velocity& velocity, const at::Tensor& latent) {
  const at::Tensor &conditional = velocity.conditional, &unconditional = velocity.unconditional;
  TORCH_CHECK(conditional.sizes() == latent.sizes() && conditional.device() == latent.device(), "velocity ",
              conditional.sizes(), " on ", conditional.device(), ", latent ", latent.sizes(), " on ", latent.device());
  TORCH_CHECK(!unconditional.defined() || (unconditional.sizes() == conditional.sizes() &&
                                           unconditional.scalar_type() == conditional.scalar_type() &&
                                           unconditional.device() == conditional.device()),
              "velocity: conditional ", conditional.toString(), " ", conditional.sizes(), ", unconditional ",
              unconditional.toString(), " ", unconditional.sizes());
}

float rounded(double factor, ElementType type) {
  const float value = static_cast<float>(factor);
  if (type == ElementType::kBfloat16) return c10::BFloat16(value);
  return type == ElementType::kFloat16 ? static_cast<float>(c10::Half(value)) : value;
}

/// A velocity in the terms of the compiled kernels; holds the copies that may take.
struct CompiledVelocity {
  at::Tensor conditional, unconditional;
  VelocityArguments arguments;

  CompiledVelocity(ElementType type, const Velocity& velocity, double factor)
      : conditional(velocity.conditional.contiguous()) {
    arguments = {.type = type,
                 .conditional = conditional.const_data_ptr(),
                 .unconditional = nullptr,
                 .guidance = static_cast<float>(velocity.guidance),
                 .factor = conditional.is_cpu() ? rounded(factor, type) : static_cast<float>(factor)};
    if (!velocity.unconditional.defined()) return;
    unconditional = velocity.unconditional.contiguous();
    arguments.unconditional = unconditional.const_data_ptr();
  }
};

std::optional<ElementType> compiled_type(const Velocity& velocity, KernelMode mode) {
  return mode == KernelMode::kAuto ? element_type(velocity.conditional) : std::nullopt;
}

constexpr Kernel<EulerArguments> kEuler{"Euler step", &CpuKernels::euler_update, &CudaKernels::euler_update};
constexpr Kernel<UniPcArguments> kUniPc{"UniPC step", &CpuKernels::unipc_update, &CudaKernels::unipc_update};

/// A term of a sum in fp32 without gaps.
at::Tensor term_like(const at::Tensor& latent, const at::Tensor& term) {
  TORCH_CHECK(term.defined() && term.sizes() == latent.sizes() && term.device() == latent.device(),
              "unipc: a term of a sum is missing or not ", latent.sizes(), " on ", latent.device());
  return term.to(at::kFloat).contiguous();
}

const float* data_of(const at::Tensor& term) { return term.defined() ? term.const_data_ptr<float>() : nullptr; }

UniPcUpdate compiled_unipc(ElementType type, const Velocity& velocity, double sigma, const at::Tensor& latent,
                           const UniPcHistory& history, const std::optional<UniPcWeights>& corrector,
                           const UniPcWeights& predictor) {
  const CompiledVelocity change(type, velocity, -sigma);
  const at::Tensor entering = term_like(latent, latent);
  UniPcHistory read;
  if (corrector) read.latent = term_like(latent, history.latent);
  if (corrector || predictor.previous != 0) read.current = term_like(latent, history.current);
  if (corrector && corrector->previous != 0) read.previous = term_like(latent, history.previous);
  const UniPcWeights& correction = corrector ? *corrector : UniPcWeights{};
  const auto narrow = [](double weight) { return static_cast<float>(weight); };
  const auto fresh = [&] { return at::empty(latent.sizes(), entering.options()); };
  UniPcUpdate update{{fresh(), fresh(), history.current}, fresh()};
  run_elements(latent, kUniPc,
               {.velocity = change.arguments,
                .latent = data_of(entering),
                .start = data_of(read.latent),
                .current = data_of(read.current),
                .previous = data_of(read.previous),
                .corrector = {narrow(correction.latent), narrow(correction.current), narrow(correction.fresh),
                              narrow(correction.previous)},
                .predictor = {narrow(predictor.latent), narrow(predictor.current), narrow(predictor.previous)},
                .data = update.history.current.mutable_data_ptr<float>(),
                .corrected = update.history.latent.mutable_data_ptr<float>(),
                .next = update.latent.mutable_data_ptr<float>()});
  return update;
}

}  // namespace

at::Tensor guided(const Velocity& velocity) {
  check(velocity, velocity.conditional);
  return reference::guided(velocity);
}

at::Tensor euler_update(const Velocity& velocity, double factor, const at::Tensor& latent, KernelMode mode) {
  check(velocity, latent);
  const std::optional<ElementType> type = compiled_type(velocity, mode);
  if (!type) return reference::euler_update(velocity, factor, latent);
  const CompiledVelocity change(*type, velocity, factor);
  const bool is_narrow = latent.scalar_type() == velocity.conditional.scalar_type();
  const at::Tensor entering = (is_narrow ? latent : latent.to(at::kFloat)).contiguous();
  const at::Tensor next = at::empty(latent.sizes(), change.conditional.options());
  run_elements(latent, kEuler,
               {.velocity = change.arguments,
                .wide_latent = !is_narrow,
                .latent = entering.const_data_ptr(),
                .out = next.mutable_data_ptr()});
  return next;
}

UniPcUpdate unipc_update(const Velocity& velocity, double sigma, const at::Tensor& latent, const UniPcHistory& history,
                         const std::optional<UniPcWeights>& corrector, const UniPcWeights& predictor, KernelMode mode) {
  check(velocity, latent);
  const std::optional<ElementType> type = compiled_type(velocity, mode);
  if (!type) return reference::unipc_update(velocity, sigma, latent, history, corrector, predictor);
  return compiled_unipc(*type, velocity, sigma, latent, history, corrector, predictor);
}

}  // namespace ditto::kernels
