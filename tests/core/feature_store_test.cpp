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

TEST(FeatureStore, CopiesViewsOverTheBytesOfTheSnapshotTheyReplace) {
  FeatureStore store;
  const auto push_row_of_batch = [&](int index) {
    const at::Tensor batch = at::full({2, 1, 4}, static_cast<float>(index));
    store.push(0, Branch::kConditional, {index, index, 1.0, {batch.narrow(0, 1, 1), {}}}, 2);
  };
  const auto newest = [&] { return store.snapshots(0, Branch::kConditional).front().feature.video; };
  push_row_of_batch(0);
  const void* first_bytes = newest().const_data_ptr();
  push_row_of_batch(1);
  EXPECT_NE(newest().const_data_ptr(), first_bytes) << "the older snapshot is still held";
  push_row_of_batch(2);
  EXPECT_EQ(newest().const_data_ptr(), first_bytes);
  EXPECT_EQ(newest().min().item<float>(), 2);
  EXPECT_EQ(newest().storage().nbytes(), static_cast<std::size_t>(kFeatureBytes));

  const at::Tensor held_by_a_policy = store.snapshots(0, Branch::kConditional).back().feature.video;
  push_row_of_batch(3);
  EXPECT_EQ(held_by_a_policy.max().item<float>(), 1) << "bytes that somebody else holds are left alone";
}

TEST(FeatureStore, CopiesWhatChangesWhenItIsRemembered) {
  FeatureStore store;
  at::Tensor state = at::full({4}, 1.0F);
  store.remember(0, Branch::kConditional, "state", state, true);
  const void* bytes = store.recall(0, Branch::kConditional, "state").const_data_ptr();
  state.fill_(2);
  EXPECT_EQ(store.recall(0, Branch::kConditional, "state").max().item<float>(), 1);
  store.remember(0, Branch::kConditional, "state", state, true);
  EXPECT_EQ(store.recall(0, Branch::kConditional, "state").max().item<float>(), 2);
  EXPECT_EQ(store.recall(0, Branch::kConditional, "state").const_data_ptr(), bytes);
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
