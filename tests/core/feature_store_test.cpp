#include "core/feature_store.h"

#include <ATen/ops/full.h>

#include <gtest/gtest.h>

namespace ditto {
namespace {

constexpr std::int64_t kFeatureBytes = 16;  // four floats

Snapshot snapshot(int index, float value = 0) {
  return {index, index, 1.0 - 0.1 * index, {at::full({1, 1, 4}, value), {}}};
}

std::vector<int> indices(const FeatureStore& store, int site, Branch branch = Branch::kConditional) {
  std::vector<int> found;
  for (const Snapshot& s : store.snapshots(site, branch)) found.push_back(s.index);
  return found;
}

TEST(FeatureStore, HoldsTheNewestSnapshotsFirst) {
  FeatureStore store;
  for (const int step : {0, 1, 5, 6}) EXPECT_TRUE(store.push(0, Branch::kConditional, snapshot(step), 3));
  EXPECT_EQ(indices(store, 0), (std::vector<int>{6, 5, 1}));
  EXPECT_EQ(store.bytes(), 3 * kFeatureBytes);
  EXPECT_EQ(store.peak_bytes(), 3 * kFeatureBytes);
}

TEST(FeatureStore, KeepsSitesAndBranchesApart) {
  FeatureStore store;
  store.push(0, Branch::kConditional, snapshot(1), 2);
  store.push(0, Branch::kUnconditional, snapshot(2), 2);
  store.push(1, Branch::kConditional, snapshot(3), 2);
  store.remember(0, Branch::kConditional, "x", at::full({4}, 1.0F));
  store.remember(1, Branch::kConditional, "x", at::full({4}, 2.0F));
  EXPECT_EQ(indices(store, 0), std::vector<int>{1});
  EXPECT_EQ(indices(store, 0, Branch::kUnconditional), std::vector<int>{2});
  EXPECT_EQ(indices(store, 1), std::vector<int>{3});
  EXPECT_TRUE(indices(store, 1, Branch::kUnconditional).empty());
  EXPECT_EQ(store.recall(0, Branch::kConditional, "x").max().item<float>(), 1.0F);
  EXPECT_EQ(store.recall(1, Branch::kConditional, "x").max().item<float>(), 2.0F);
  EXPECT_FALSE(store.recall(0, Branch::kUnconditional, "x").defined());
  EXPECT_FALSE(store.recall(0, Branch::kConditional, "y").defined());
}

TEST(FeatureStore, EmptiesASlotThatWouldExceedTheBudget) {
  FeatureStore store(2 * kFeatureBytes);
  EXPECT_TRUE(store.push(0, Branch::kConditional, snapshot(0), 3));
  EXPECT_TRUE(store.push(0, Branch::kConditional, snapshot(1), 3));
  EXPECT_FALSE(store.over_budget(0, Branch::kConditional));
  EXPECT_FALSE(store.push(0, Branch::kConditional, snapshot(2), 3)) << "a third one does not fit";
  EXPECT_TRUE(indices(store, 0).empty()) << "older snapshots must not pass for the refused one";
  EXPECT_TRUE(store.over_budget(0, Branch::kConditional));
  EXPECT_EQ(store.bytes(), 0);
  EXPECT_TRUE(store.push(0, Branch::kConditional, snapshot(3), 3));
  EXPECT_FALSE(store.over_budget(0, Branch::kConditional));
  EXPECT_EQ(store.peak_bytes(), 2 * kFeatureBytes);
}

TEST(FeatureStore, ReplacesWithinTheBudgetOfWhatItReplaces) {
  FeatureStore store(kFeatureBytes);
  for (int step = 0; step < 5; ++step) EXPECT_TRUE(store.push(0, Branch::kConditional, snapshot(step), 1));
  EXPECT_EQ(store.peak_bytes(), kFeatureBytes);
  EXPECT_FALSE(store.push(1, Branch::kConditional, snapshot(5), 1));
  EXPECT_EQ(indices(store, 0), std::vector<int>{4}) << "another slot's refusal takes nothing away";
}

TEST(FeatureStore, CountsWhatPoliciesRemember) {
  FeatureStore store(2 * kFeatureBytes);
  EXPECT_TRUE(store.remember(0, Branch::kConditional, "a", at::full({4}, 1.0F)));
  EXPECT_TRUE(store.remember(0, Branch::kConditional, "a", at::full({8}, 2.0F))) << "it replaces the smaller one";
  EXPECT_EQ(store.bytes(), 2 * kFeatureBytes);
  EXPECT_FALSE(store.push(0, Branch::kConditional, snapshot(0), 1));
  EXPECT_FALSE(store.remember(0, Branch::kConditional, "a", at::full({12}, 3.0F)));
  EXPECT_FALSE(store.recall(0, Branch::kConditional, "a").defined());
  EXPECT_EQ(store.bytes(), 0);
  EXPECT_TRUE(store.push(0, Branch::kConditional, snapshot(1), 1));
}

TEST(FeatureStore, ForgetsWhatAnUndefinedTensorReplaces) {
  FeatureStore store(kFeatureBytes);
  EXPECT_TRUE(store.remember(0, Branch::kConditional, "a", at::full({4}, 1.0F)));
  EXPECT_TRUE(store.remember(0, Branch::kConditional, "a", {}));
  EXPECT_FALSE(store.recall(0, Branch::kConditional, "a").defined());
  EXPECT_EQ(store.bytes(), 0);
}

TEST(FeatureStore, WithABudgetOfNothingHoldsNothing) {
  FeatureStore store(0);
  EXPECT_FALSE(store.push(0, Branch::kConditional, snapshot(0), 1));
  EXPECT_FALSE(store.remember(0, Branch::kConditional, "a", at::full({1}, 1.0F)));
  EXPECT_EQ(store.peak_bytes(), 0);
}

TEST(FeatureStore, CountsBothStreams) {
  FeatureStore store;
  store.push(0, Branch::kConditional, {0, 0, 1.0, {at::full({1, 2, 4}, 1.0F), at::full({1, 3, 4}, 1.0F)}}, 1);
  EXPECT_EQ(store.bytes(), (2 + 3) * 4 * 4);
}

}  // namespace
}  // namespace ditto
