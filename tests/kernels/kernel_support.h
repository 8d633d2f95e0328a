#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include "numeric.h"
#include "tolerances.h"

namespace ditto::test {

/// Where the elements of a tensor lie: as a fresh tensor, one element after an aligned address, or with a gap after
/// every run of the last axis.
enum class Layout : std::uint8_t { kPlain, kMisaligned, kGapped };
inline constexpr Layout kLayouts[] = {Layout::kPlain, Layout::kMisaligned, Layout::kGapped};
inline constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kBFloat16, at::kHalf};

/// Standard normal numbers, the same at every call with the same seed.
inline at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed, at::ScalarType dtype = at::kFloat) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions(at::kFloat)).to(dtype);
}

/// A view into a larger buffer of sentinels that no kernel may touch.
class Guarded {
 public:
  Guarded(const at::Tensor& values, Layout layout) {
    constexpr std::int64_t kMargin = 64, kGap = 3;
    const std::int64_t width = values.size(-1), pitch = width + (layout == Layout::kGapped ? kGap : 0);
    buffer_ = at::full({values.numel() / width * pitch + 2 * kMargin}, kSentinel, values.options());
    sizes_ = values.sizes().vec();
    strides_.assign(sizes_.size(), 1);
    for (std::size_t axis = sizes_.size() - 1; axis-- > 0;) {
      strides_[axis] = axis + 2 == sizes_.size() ? pitch : strides_[axis + 1] * sizes_[axis + 1];
    }
    offset_ = kMargin + (layout == Layout::kMisaligned ? 1 : 0);
    view().copy_(values);
    before_ = buffer_.clone();
  }

  at::Tensor view() const { return view_of(buffer_); }

  /// Nothing outside the view has changed.
  bool guards_intact() const {
    const at::Tensor before = before_.clone(), after = buffer_.clone();
    view_of(before).zero_();
    view_of(after).zero_();
    return at::equal(before, after);
  }

  /// Nothing at all has changed.
  bool untouched() const { return at::equal(before_, buffer_); }

 private:
  static constexpr double kSentinel = 77;

  at::Tensor view_of(const at::Tensor& buffer) const { return buffer.as_strided(sizes_, strides_, offset_); }

  at::Tensor buffer_, before_;
  std::vector<std::int64_t> sizes_, strides_;
  std::int64_t offset_ = 0;
};

/// The fast form against the unfused meaning, both from inputs of the same dtype.
inline void expect_near(const at::Tensor& actual, const at::Tensor& reference, double ulps = tolerance::kHalfUlps) {
  ASSERT_EQ(actual.scalar_type(), reference.scalar_type());
  ASSERT_EQ(actual.sizes(), reference.sizes());
  if (reference.scalar_type() == at::kFloat) {
    EXPECT_LE(relative_error(actual, reference), tolerance::kUnitFloat32);
  } else {
    EXPECT_LE(error_in_ulps(actual, reference), ulps);
  }
}

/// Words for SCOPED_TRACE.
template <typename... Parts>
std::string described(at::ScalarType dtype, Layout layout, const Parts&... parts) {
  std::string text = std::string(c10::toString(dtype)) + ", layout " + std::to_string(static_cast<int>(layout));
  ((text += ", " + std::to_string(parts)), ...);
  return text;
}

}  // namespace ditto::test
