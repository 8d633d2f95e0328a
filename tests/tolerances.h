#pragma once

namespace ditto::test {

/// The one table of tolerances: every comparison of floating-point results in the tests names a row of it.
/// "relative" is the largest absolute difference divided by the largest absolute value of the reference.
namespace tolerance {
inline constexpr double kUnitFloat32 = 1e-5;      ///< one layer or unit against its Python original, fp32, relative
inline constexpr double kCodecFloat32 = 2e-5;     ///< a whole decode or encode, fp32, relative
inline constexpr double kPipelineFloat32 = 1e-4;  ///< final latents of a sampled clip, fp32, relative
inline constexpr double kCachedPipelineFloat32 = 1e-3;  ///< the same under a cache of another implementation
inline constexpr double kSolverFloat32 = 1e-6;          ///< solver arithmetic, fp32, absolute
inline constexpr double kBfloat16Ulps = 2.0;  ///< bf16 against a bf16 original, in ulp of the tensor's maximum
inline constexpr double kHalfUlps = 2.0;      ///< a 16-bit kernel against its unfused meaning, in ulp of the maximum
inline constexpr double kRoundedScoresUlps = 4.0;   ///< the same, attention that rounds its scores to bf16
inline constexpr double kBfloat16Cosine = 0.9999;   ///< bf16 against a bf16 original, smallest cosine
inline constexpr double kBfloat16ErrorRatio = 1.5;  ///< our bf16 error over Python's, both against fp32
inline constexpr double kClosedForm = 1e-6;         ///< a number against a closed form or a published vector
inline constexpr double kMetric = 1e-4;             ///< a metric against its Python original, absolute
}  // namespace tolerance

}  // namespace ditto::test
