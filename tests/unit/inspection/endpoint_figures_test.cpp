// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/endpoint_figures.hpp"

#include <gtest/gtest.h>

namespace tidegate::inspection {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

inspect::Summary request(const std::string& path, std::uint16_t status = 200, milliseconds duration = milliseconds(5)) {
  inspect::Summary summary;
  summary.service = "api";
  summary.method = "GET";
  summary.path_template = path;
  summary.status = status;
  summary.duration = duration;
  summary.request_bytes = 100;
  summary.response_bytes = 1000;
  return summary;
}

TEST(DurationHistogram, QuantilesAreRightToAStep) {
  DurationHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(std::chrono::microseconds(i * 100));
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.5).count()), 50e6, 10e6);
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.99).count()), 99e6, 20e6);
  EXPECT_EQ(DurationHistogram().quantile(0.5).count(), 0);
  histogram.clear();
  histogram.add(std::chrono::hours(1000));
  histogram.add(std::chrono::nanoseconds(-5));
  EXPECT_GT(histogram.quantile(1.0), std::chrono::minutes(30)) << "beyond the scale is its end";
}

TEST(EndpointFigures, CountsByEndpoint) {
  ManualClock clock;
  EndpointFigures figures(clock);
  for (int i = 0; i < 30; ++i) figures.add(request("/a"));
  for (int i = 0; i < 10; ++i) figures.add(request("/b", 503));
  auto post = request("/a", 401);
  post.method = "POST";
  post.status.reset();
  figures.add(post);
  clock.advance(seconds(10));
  const auto rows = figures.top(10);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].path_template, "/a");
  EXPECT_EQ(rows[0].service, "api");
  EXPECT_EQ(rows[0].requests, 30U);
  EXPECT_EQ(rows[0].by_class[2], 30U);
  EXPECT_EQ(rows[0].request_bytes, 3000U);
  EXPECT_EQ(rows[0].response_bytes, 30'000U);
  EXPECT_DOUBLE_EQ(rows[0].requests_per_second, 3.0);
  EXPECT_NEAR(static_cast<double>(rows[0].median.count()), 5e6, 1e6);
  EXPECT_EQ(rows[1].by_class[5], 10U);
  EXPECT_EQ(rows[2].method, "POST");
  EXPECT_EQ(rows[2].by_class[0], 1U) << "no response was seen";
  EXPECT_EQ(figures.top(1).size(), 1U);
}

TEST(EndpointFigures, RatesFadeAndTotalsStay) {
  ManualClock clock;
  EndpointFigures figures(clock);
  for (int i = 0; i < 30; ++i) figures.add(request("/a"));
  clock.advance(seconds(20));
  EXPECT_DOUBLE_EQ(figures.top(1)[0].requests_per_second, 1.5) << "over the window before and the present one";
  clock.advance(seconds(60));
  EXPECT_DOUBLE_EQ(figures.top(1)[0].requests_per_second, 0.0);
  EXPECT_EQ(figures.top(1)[0].requests, 30U);
  EXPECT_EQ(figures.top(1)[0].median.count(), 0);
}

TEST(EndpointFigures, PathsThatAnAttackerMakesUpDoNotPushOutWhatIsUsed) {
  ManualClock clock;
  EndpointFigures figures(clock, {.endpoints = 64, .window = seconds(15)});
  for (int i = 0; i < 1000; ++i) figures.add(request("/busy"));
  for (int i = 0; i < 10'000; ++i) figures.add(request("/made-up/" + std::to_string(i), 404));
  EXPECT_EQ(figures.size(), 64U);
  const auto rows = figures.top(2);
  EXPECT_EQ(rows[0].path_template, "(other)");
  EXPECT_EQ(rows[0].service, "api");
  EXPECT_EQ(rows[0].requests, 10'000U - 63);
  EXPECT_EQ(rows[0].by_class[4], 10'000U - 63);
  EXPECT_EQ(rows[1].path_template, "/busy");
  EXPECT_EQ(rows[1].requests, 1000U);
}

TEST(EndpointFigures, LongTemplatesAreCut) {
  ManualClock clock;
  EndpointFigures figures(clock);
  figures.add(request("/" + std::string(1000, 'a') + "1"));
  figures.add(request("/" + std::string(1000, 'a') + "2"));
  ASSERT_EQ(figures.top(5).size(), 1U);
  EXPECT_EQ(figures.top(5)[0].path_template.size(), 256U);
}

}  // namespace
}  // namespace tidegate::inspection
