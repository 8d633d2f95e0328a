#pragma once

#include <cstddef>

#include "kernels/arguments.h"
#include "kernels/attention_arguments.h"
#include "kernels/fused/target.h"

DITTO_BEGIN_TARGET

void blend(const BlendArguments& arguments, std::int64_t first, std::int64_t last, std::int64_t begin,
           std::int64_t end);
void layer_norm(const LayerNormArguments& arguments, std::int64_t first, std::int64_t last);
void rms_norm(const RmsNormArguments& arguments, std::int64_t first, std::int64_t last);
void l1_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals);
void product_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals);
void squared_sums(const PairArguments& arguments, std::int64_t first, std::int64_t last, double* totals);
void euler_update(const EulerArguments& arguments, std::int64_t begin, std::int64_t end);
void unipc_update(const UniPcArguments& arguments, std::int64_t begin, std::int64_t end);
void quantise(const QuantiseArguments& arguments, std::int64_t first, std::int64_t last);
void dequantise(const DequantiseArguments& arguments, std::int64_t first, std::int64_t last);
#if defined(__AVX512F__)
void attention(const AttentionArguments& arguments, std::int64_t first, std::int64_t last, float* scratch);
#else
inline constexpr std::nullptr_t attention = nullptr;
#endif

DITTO_END_TARGET
