// Charts: the arithmetic of their axes, and what is drawn.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "eval/report/chart_scale.h"
#include "eval/report/markup.h"
#include "eval/report/svg_heat_map.h"
#include "eval/report/svg_line_chart.h"
#include "eval/report/svg_stacked_bars.h"
#include "eval/well_formed.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

using Ticks = std::vector<double>;
using Labels = std::vector<std::string>;

TEST(Markup, EscapesWhatTagsAndAttributesCannotHold) {
  EXPECT_EQ(escape_markup("a <b> & \"c\" 'd'\n"), "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\n");
  EXPECT_EQ(escape_markup(std::string("\0\x1b", 2)), "\uFFFD\uFFFD");
  EXPECT_EQ(escape_markup("größer"), "größer");
}

TEST(Markup, Base64FollowsTheVectorsOfItsStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) EXPECT_EQ(base64(bytes), text);
  EXPECT_EQ(base64("\xff\xff\xfe"), "///+");
}

void expect_ticks(Range range, int most, const Ticks& expected, const Labels& labels, bool whole = false) {
  const Ticks ticks = nice_ticks(range, most, whole);
  ASSERT_EQ(ticks.size(), expected.size());
  for (std::size_t k = 0; k < ticks.size(); ++k) EXPECT_NEAR(ticks[k], expected[k], tolerance::kClosedForm);
  EXPECT_EQ(tick_labels(ticks), labels);
}

TEST(Ticks, AreRoundNumbersInsideTheRange) {
  expect_ticks({0, 1}, 6, {0, 0.2, 0.4, 0.6, 0.8, 1}, {"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  expect_ticks({0, 49}, 6, {0, 10, 20, 30, 40}, {"0", "10", "20", "30", "40"});
  expect_ticks({-0.31, 0.28}, 4, {-0.2, 0, 0.2}, {"-0.2", "0.0", "0.2"});
  expect_ticks({0.9972, 0.9979}, 5, {0.9972, 0.9974, 0.9976, 0.9978}, {"0.9972", "0.9974", "0.9976", "0.9978"});
  expect_ticks({1.2e6, 4.9e6}, 3, {2e6, 4e6}, {"2000000", "4000000"});
  expect_ticks({-0.5, 2.5}, 6, {0, 1, 2}, {"0", "1", "2"}, true);
  expect_ticks({3, 3}, 6, {3}, {"3"});
  expect_ticks({std::nextafter(1, 0), 1}, 6, {1}, {"1"});  // a score of equal clips, but for rounding
  expect_ticks({0.45, 0.56}, 2, {0.5}, {"0.5"});
}

TEST(Ticks, AreNeverMoreThanAskedFor) {
  for (int most = 2; most < 12; ++most) {
    for (const double high : {0.013, 0.7, 1.0, 3.3, 49.0, 1234.5}) {
      const Ticks ticks = nice_ticks({0, high}, most);
      EXPECT_LE(ticks.size(), static_cast<std::size_t>(most)) << high;
      EXPECT_GE(ticks.size(), 1U) << high;
    }
  }
}

TEST(RangeAround, LeavesAMarginAndIgnoresWhatIsNotFinite) {
  const double values[] = {2, std::numeric_limits<double>::infinity(), 4, std::nan("")};
  const Range range = range_around(values);
  EXPECT_LT(range.low, 2);
  EXPECT_GT(range.high, 4);
  EXPECT_GT(range.low, 1.5);
  EXPECT_EQ(range_around(values, true).low, 0);
  EXPECT_EQ(range_around({}).high, 1);
  const double one[] = {7};
  EXPECT_LT(range_around(one).low, 7);
  EXPECT_GT(range_around(one).high, 7);
  EXPECT_GT(range_around(Ticks{std::nextafter(7, 0), 7}).high, 7.1) << "rounding is no range";
  const double zeros[] = {0, 0};
  EXPECT_GT(range_around(zeros, true).high, 0) << "a scale needs a length";
}

TEST(Scale, MapsLinearlyInEitherDirection) {
  const Scale down{{0, 10}, 200, 100};
  EXPECT_DOUBLE_EQ(down(0), 200);
  EXPECT_DOUBLE_EQ(down(10), 100);
  EXPECT_DOUBLE_EQ(down(2.5), 175);
}

TEST(LineChart, DrawsErrorBarsAndBreaksAtWhatIsNotFinite) {
  LineChart chart{.title = "a < b", .x_label = "x", .y_label = "y"};
  const double gap = std::nan("");
  chart.series = {{.label = "with \"bars\"",
                   .style = "series0",
                   .marker = Marker::kCircle,
                   .points = {{0, 1, 0.5}, {1, 2, 0.5}, {2, gap}, {3, 1}, {4, 2, 0, "the last"}}}};
  chart.levels = {{1.5, "threshold 1.5"}};
  const std::string drawn = draw(chart);
  EXPECT_TRUE(is_well_formed(drawn));
  EXPECT_EQ(count_of(drawn, "class=\"curve series0\""), 3U) << "two pieces and the legend";
  EXPECT_EQ(count_of(drawn, "<line"),
            count_of(drawn, "class=\"grid\"") + count_of(drawn, "class=\"frame\"") - 1 + 6 + 1)
      << "three strokes an error bar, one level; the frame itself is a rectangle";
  EXPECT_EQ(count_of(drawn, "<circle"), 5U) << "four points and the legend";
  EXPECT_EQ(count_of(drawn, "<title>the last</title>"), 1U);
  EXPECT_EQ(count_of(drawn, "a &lt; b"), 2U) << "label and title";
  EXPECT_EQ(count_of(drawn, "threshold 1.5"), 1U);
}

TEST(LineChart, OfNothingIsAnEmptyFrame) { EXPECT_TRUE(is_well_formed(draw(LineChart{.title = "empty"}))); }

TEST(StackedBars, SumUpAndShareTheirScale) {
  const std::string drawn = draw(StackedBars{
      .title = "time", .unit = "s", .parts = {"units", "rest"}, .bars = {{"full", {3, 1}}, {"cached", {1, 0}}}});
  EXPECT_TRUE(is_well_formed(drawn));
  EXPECT_EQ(count_of(drawn, "<title>full, units: 3 s</title>"), 1U);
  EXPECT_EQ(count_of(drawn, "<title>cached, units: 1 s</title>"), 1U);
  EXPECT_EQ(count_of(drawn, "<title>cached, rest"), 0U) << "nothing is drawn of nothing";
  EXPECT_EQ(count_of(drawn, ">4</text>"), 2U) << "the sum and a tick";
}

TEST(Shortened, LeavesOutTheMiddleBetweenLetters) {
  EXPECT_EQ(shortened("blocks.0", 8), "blocks.0");
  EXPECT_EQ(shortened("abcdefghij", 5), "ab…ij");
  EXPECT_EQ(shortened("ääääääää", 4), "ää…ä");
}

Trace trace_of(std::vector<Site> sites, std::vector<TraceEvent> events, std::vector<int> nodes, int steps) {
  Trace trace;
  trace.run.sites = std::move(sites);
  trace.run.steps = steps;
  trace.run.grid.nodes = std::move(nodes);
  trace.run.branches = {Branch::kConditional, Branch::kUnconditional};
  trace.events = std::move(events);
  return trace;
}

TraceEvent event(int step, Branch branch, const std::string& site, std::vector<float> weights) {
  TraceEvent event;
  event.step = step;
  event.branch = branch;
  event.site = site;
  event.action = weights.empty() ? Action::kRecompute : Action::kBlend;
  event.weights = std::move(weights);
  return event;
}

TEST(HeatMap, ShowsTheDecisionsOfOneBranch) {
  const Branch c = Branch::kConditional, u = Branch::kUnconditional;
  const Trace trace =
      trace_of({{.name = "outer<0>", .begin = 0, .end = 2}, {.name = "inner", .begin = 1, .end = 2}},
               {event(0, c, "outer<0>", {}), event(0, c, "inner", {}), event(1, c, "outer<0>", {}),
                event(1, c, "inner", {2, -1}), event(2, c, "outer<0>", {1}), event(0, u, "outer<0>", {1})},
               {0, 1, 2}, 4);
  const std::string drawn = draw_heat_map(trace, c, "Decisions");
  EXPECT_TRUE(is_well_formed(drawn));
  for (const char* words : {"outer&lt;0&gt;, steps 0 to 1: computed", "outer&lt;0&gt;, step 2: reused",
                            "outer&lt;0&gt;, step 3: jumped over", "inner, step 0: computed", "inner, step 1: forecast",
                            "inner, step 2: inside a reused site, or not asked", "inner, step 3: jumped over"}) {
    EXPECT_EQ(count_of(drawn, std::string("<title>") + words + "</title>"), 1U) << words;
  }
  EXPECT_EQ(count_of(drawn, "<title>"), 7U) << "the other branch's decisions are not in it";
}

TEST(HeatMap, OfARunWithoutSitesShowsTheStepsVisited) {
  const std::string drawn = draw_heat_map(trace_of({}, {}, {0, 2}, 3), Branch::kConditional, "Decisions");
  for (const char* words : {"step 0: computed", "step 1: jumped over", "step 2: computed"}) {
    EXPECT_EQ(count_of(drawn, std::string("all units, ") + words), 1U) << words;
  }
}

TEST(HeatMap, LabelsManyRowsByWhatTheyShare) {
  std::vector<Site> sites;
  for (int block = 0; block < 8; ++block) {
    for (const char* kind : {"self_attention", "feed_forward"}) {
      sites.push_back({.name = "blocks." + std::to_string(block) + "." + kind, .begin = block, .end = block + 1});
    }
  }
  const std::string drawn = draw_heat_map(trace_of(sites, {}, {0}, 1), Branch::kConditional, "Decisions");
  EXPECT_EQ(count_of(drawn, ">blocks.3</text>"), 1U);
  EXPECT_EQ(count_of(drawn, ">blocks.3.self_attention</text>"), 0U);
}

}  // namespace
}  // namespace ditto::test
