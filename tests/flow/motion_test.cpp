#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "eval/metrics/temporal.h"
#include "io/image.h"
#include "test_paths.h"

namespace ditto {
namespace {

TEST(Motion, MeasuresAShiftInPixels) {
  const at::Tensor picture = read_image(test::data_path("metrics/coffee_reference.png"));
  at::Tensor clip = at::zeros({2, 40, 40, 3}, at::kByte);
  clip[0].copy_(picture.narrow(0, 2, 40).narrow(1, 4, 40));
  clip[1].copy_(picture.narrow(0, 2, 40).narrow(1, 6, 40));
  EXPECT_NEAR(motion(clip, clip).mean, 2, 0.6);
  clip[1].copy_(clip[0]);
  EXPECT_NEAR(motion(clip, clip).mean, 0, 0.05);
}

}  // namespace
}  // namespace ditto
