#include "io/contact_sheet.h"

#include <vector>

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <gtest/gtest.h>

#include "media_support.h"

namespace ditto {
namespace {

using test::expect_error;
using test::moving_square;

/// Top-left corner of a picture on the sheet, from the layout: margin, label line and number line.
constexpr int kLeft = 6;
constexpr int kTop = 26 + 16;

TEST(ContactSheet, EnlargesSmallFramesByWholeFactors) {
  const at::Tensor clip = moving_square(9, 64, 64);
  const std::vector<ContactRow> rows{{"full", clip}};
  ContactSheetOptions options;
  options.columns = 3;
  options.picture_width = 200;
  const at::Tensor sheet = render_contact_sheet(rows, options);
  EXPECT_EQ(sheet.sizes(), (std::vector<std::int64_t>{kTop + 192 + 6, kLeft + 3 * (192 + 6), 3}));
  const std::vector<std::int64_t> frames{0, 4, 8};
  for (int column = 0; column < 3; ++column) {
    const at::Tensor picture =
        sheet.slice(0, kTop, kTop + 192).slice(1, kLeft + column * 198, kLeft + column * 198 + 192);
    const at::Tensor expected = clip[frames[column]].repeat_interleave(3, 0).repeat_interleave(3, 1);
    EXPECT_TRUE(at::equal(picture, expected)) << column;
  }
}

TEST(ContactSheet, ShrinksLargeFrames) {
  const std::vector<ContactRow> rows{{"full", moving_square(2, 120, 400)}};
  const at::Tensor sheet = render_contact_sheet(rows);
  EXPECT_EQ(sheet.sizes(), (std::vector<std::int64_t>{kTop + 58 + 6, kLeft + 2 * (192 + 6), 3}));
}

TEST(ContactSheet, DrawsEightTimesTheDifference) {
  const at::Tensor full = at::full({2, 32, 32, 3}, 100, at::kByte);
  at::Tensor cached = full.clone();
  cached[1].slice(0, 0, 16).fill_(103);
  cached[1].slice(0, 16, 32).fill_(0);
  const std::vector<ContactRow> rows{{"full", full}, {"cached", cached}};
  ContactSheetOptions options;
  options.picture_width = 32;
  options.difference_row = true;
  const at::Tensor sheet = render_contact_sheet(rows, options);
  const int row_height = kTop + 32 + 6;
  ASSERT_EQ(sheet.size(0), 3 * row_height);
  const at::Tensor pictures = sheet.slice(0, 2 * row_height + kTop, 2 * row_height + kTop + 32);
  EXPECT_TRUE((pictures.slice(1, kLeft, kLeft + 32) == 0).all().item<bool>());
  const at::Tensor second = pictures.slice(1, kLeft + 38, kLeft + 70);
  EXPECT_TRUE((second.slice(0, 0, 16) == 24).all().item<bool>());
  EXPECT_TRUE((second.slice(0, 16, 32) == 255).all().item<bool>());
}

TEST(ContactSheet, DrawsItsLabels) {
  const at::Tensor clip = moving_square(4, 64, 64);
  const std::vector<ContactRow> full{{"full", clip}};
  const std::vector<ContactRow> blank{{"", clip}};
  const at::Tensor labelled = render_contact_sheet(full);
  const at::Tensor unlabelled = render_contact_sheet(blank);
  EXPECT_TRUE((unlabelled.slice(0, 0, 26) == 255).all().item<bool>());
  EXPECT_LT(labelled.slice(0, 0, 26).min().item<int>(), 80);
  EXPECT_TRUE(at::equal(labelled.slice(0, 26), unlabelled.slice(0, 26)));
}

TEST(ContactSheet, CutsLongAndForeignLabels) {
  const at::Tensor clip = moving_square(2, 64, 64);
  const std::vector<ContactRow> rows{{std::string(500, 'W') + "\xE2\x86\x92\n", clip}};
  const at::Tensor sheet = render_contact_sheet(rows);
  EXPECT_EQ(sheet.size(1), kLeft + 2 * 198);
  EXPECT_TRUE((sheet.slice(1, sheet.size(1) - 6).slice(0, 0, 26) == 255).all().item<bool>());
}

TEST(ContactSheet, RefusesADifferenceOfUnlikeClips) {
  const std::vector<ContactRow> rows{{"full", moving_square(5, 32, 32)}, {"cached", moving_square(5, 32, 48)}};
  ContactSheetOptions options;
  EXPECT_EQ(render_contact_sheet(rows, options).size(2), 3);
  options.difference_row = true;
  expect_error(ExitCode::kUsage, [&] { render_contact_sheet(rows, options); },
               {"full", "[5,32,32,3]", "cached", "[5,32,48,3]"});
  expect_error(ExitCode::kUsage, [&] { render_contact_sheet({}, {}); }, {"0 rows", "at least 1"});
}

}  // namespace
}  // namespace ditto
