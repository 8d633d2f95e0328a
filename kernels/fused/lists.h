#pragma once

#include "kernels/arguments.h"
#include "kernels/fused/solver_stages.h"
#include "kernels/fused/stages.h"
#include "kernels/fused/statistics.h"

DITTO_BEGIN_TARGET

/// The fused kernels as lists of stages, made of their arguments. Each is handed to `run`, which knows how the target
/// walks over a tensor.

/// Calls function(T{}) with the element type's representation.
template <typename Function>
DITTO_HOST void with_type(ElementType type, const Function& function) {
  switch (type) {
    case ElementType::kFloat32:
      return function(float{});
    case ElementType::kBfloat16:
      return function(Bfloat16{});
    case ElementType::kFloat16:
      return function(Half{});
  }
}

template <typename T>
DITTO_HOST Rows<const T> rows_of(const ConstMatrix& matrix) {
  return {static_cast<const T*>(matrix.data), matrix.stride};
}
template <typename T>
DITTO_HOST Rows<T> rows_of(const Matrix& matrix) {
  return {static_cast<T*>(matrix.data), matrix.stride};
}

/// run(stages...) of the element-wise pattern.
template <typename T, int kTerms, typename Run>
DITTO_HOST void blend_of_terms(const BlendArguments& arguments, const Run& run) {
  const auto finish = [&](const auto& sum) DITTO_INLINE_LAMBDA {
    run(sum, Optional<Add, Columns<float>>{{arguments.bias}}, Optional<Multiply, Columns<float>>{{arguments.gate}},
        Optional<Add, Rows<const T>>{rows_of<T>(arguments.residual)}, Store<T>{rows_of<T>(arguments.out)});
  };
#if !defined(DITTO_GPU)
  if (arguments.cluster_of_column != nullptr) {
    ClusterWeightedSum<T, kTerms> sum{
        {}, {reinterpret_cast<const Index*>(arguments.cluster_of_column)}, arguments.cluster_weights};
    for (int k = 0; k < kTerms; ++k) sum.terms[k] = rows_of<T>(arguments.terms[k]);
    return finish(sum);
  }
#endif
  if (arguments.column_weights == nullptr) {
    WeightedSum<T, kTerms> sum;
    for (int k = 0; k < kTerms; ++k) {
      sum.terms[k] = rows_of<T>(arguments.terms[k]);
      sum.weights[k] = arguments.weights[k];
    }
    finish(sum);
  } else {
    ColumnWeightedSum<T, kTerms> sum;
    for (int k = 0; k < kTerms; ++k) {
      sum.terms[k] = rows_of<T>(arguments.terms[k]);
      sum.weights[k] = {arguments.column_weights + k * arguments.columns};
    }
    finish(sum);
  }
}
template <typename T, int kTerms = 1, typename Run>
DITTO_HOST void blend_list(const BlendArguments& arguments, const Run& run) {
  if (arguments.count == kTerms) return blend_of_terms<T, kTerms>(arguments, run);
  if constexpr (kTerms < kMaxTerms) blend_list<T, kTerms + 1>(arguments, run);
}

/// run(source, statistic, stages...) of the row pattern.
template <typename T, typename Run>
DITTO_HOST void layer_norm_list(const LayerNormArguments& arguments, const Run& run) {
  run(Load<Rows<const T>>{rows_of<T>(arguments.x)}, MeanAndVariance{{}, arguments.epsilon},
      Multiply<Columns<float>>{{arguments.scale}}, Add<Columns<float>>{{arguments.shift}},
      Store<T>{rows_of<T>(arguments.out)});
}

/// run(source, statistic, stages...) of the row pattern.
template <typename T, typename Run>
DITTO_HOST void quantise_list(const QuantiseArguments& arguments, const Run& run) {
  run(Load<Rows<const T>>{rows_of<T>(arguments.x)}, SymmetricInt8{arguments.scales},
      Store<std::int8_t>{rows_of<std::int8_t>(arguments.out)});
}

/// run(stages...) of the element-wise pattern.
template <typename T, typename Run>
DITTO_HOST void dequantise_list(const DequantiseArguments& arguments, const Run& run) {
  run(Rescaled{rows_of<std::int32_t>(arguments.sums), arguments.row_scale, {arguments.column_scale}},
      Optional<Add, Columns<float>>{{arguments.bias}}, Optional<Multiply, Columns<float>>{{arguments.gate}},
      Optional<Add, Rows<const T>>{rows_of<T>(arguments.residual)}, Store<T>{rows_of<T>(arguments.out)});
}

/// run(first, last, segment, source, statistic, stages...) of the row pattern for rows [first, last): once, or for each
/// period of the rotation.
template <typename T, typename Run>
DITTO_HOST void rms_norm_list(const RmsNormArguments& arguments, std::int64_t first, std::int64_t last,
                              const Run& run) {
  const Load<Rows<const T>> source{rows_of<T>(arguments.x)};
  const RootMeanSquare statistic{{}, arguments.epsilon};
  const Optional<Multiply, Columns<T>> weigh{{static_cast<const T*>(arguments.weight)}};
  const Optional<Multiply, Columns<float>> weigh_wide{{arguments.wide_weight}};
  const Store<T> store{rows_of<T>(arguments.out)};
  if (arguments.rotation == nullptr)
    return run(first, last, arguments.columns, source, statistic, weigh, weigh_wide, store);
  // The table begins anew with every row of the batch.
  for (std::int64_t row = first; row < last;) {
    const std::int64_t begin = row / arguments.period * arguments.period, next = begin + arguments.period;
    const std::int64_t end = next < last ? next : last;
    run(row, end, arguments.width, source, statistic, weigh, weigh_wide,
        Rotate{arguments.rotation, begin, arguments.width}, store);
    row = end;
  }
}

/// run(source, stages...) of the element-wise pattern over one row, the latent last.
template <typename T, typename X, typename Run>
DITTO_HOST void solver_list(const VelocityArguments& velocity, const X* latent, const Run& run) {
  run(Guided<T>{{static_cast<const T*>(velocity.conditional), 0},
                {static_cast<const T*>(velocity.unconditional), 0},
                velocity.guidance},
      Scaled<T>{velocity.factor}, Add<Rows<const X>>{{latent, 0}});
}

/// run(stages...) of the element-wise pattern over one row.
template <typename T, typename Run>
DITTO_HOST void euler_list(const EulerArguments& arguments, const Run& run) {
  const auto of_latent = [&]<typename X>(const X* latent) DITTO_INLINE_LAMBDA {
    solver_list<T>(arguments.velocity, latent, [&](const auto&... list) DITTO_INLINE_LAMBDA {
      run(list..., Store<T>{{static_cast<T*>(arguments.out), 0}});
    });
  };
  if (arguments.wide_latent) return of_latent(static_cast<const float*>(arguments.latent));
  of_latent(static_cast<const T*>(arguments.latent));
}
template <typename T, typename Run>
DITTO_HOST void unipc_list(const UniPcArguments& arguments, const Run& run) {
  CorrectAndPredict update{
      {arguments.latent, 0},   {arguments.start, 0}, {arguments.current, 0}, {arguments.previous, 0}, {}, {},
      {arguments.corrected, 0}};
  for (int k = 0; k < 4; ++k) update.corrector[k] = arguments.corrector[k];
  for (int k = 0; k < 3; ++k) update.predictor[k] = arguments.predictor[k];
  solver_list<T>(arguments.velocity, arguments.latent, [&](const auto&... list) DITTO_INLINE_LAMBDA {
    run(list..., Store<float>{{arguments.data, 0}}, update, Store<float>{{arguments.next, 0}});
  });
}

DITTO_END_TARGET
