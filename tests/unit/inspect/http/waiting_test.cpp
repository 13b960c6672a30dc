// SPDX-License-Identifier: Apache-2.0
// HTTP/1 where one direction has to wait for the other one, and more comes than is kept: nothing is hidden by it, and
// no answer is given to a request that it does not belong to.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::size_t kMoreThanIsKept = 1200 << 10;

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view path, std::size_t size) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
         std::string(size, 'x');
}
std::string answer(int status, std::string_view body = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
std::vector<std::string> seen(const std::vector<Summary>& summaries) {
  std::vector<std::string> all;
  for (const Summary& summary : summaries) {
    all.push_back(summary.path + (summary.status ? " " + std::to_string(*summary.status) : "") +
                  (summary.lossy ? " lossy" : ""));
  }
  return all;
}
const std::string kUpgrade = "Upgrade: x\r\n";

TEST(Waiting, WhatIsBehindAnUpgradeThatIsNotAnsweredIsRead) {
  const Result result =
      run({says(kClient, get("/slow", kUpgrade)), says(kClient, post("/big", kMoreThanIsKept)),
           says(kClient, get("/login")), says(kServer, answer(200)), says(kServer, answer(201) + answer(401)),
           says(kClient, get("/ws", kUpgrade) + get("/3")), says(kServer, answer(404) + answer(200))});
  EXPECT_THAT(seen(result.summaries), ElementsAre("/slow 200", "/big 201", "/login 401", "/ws 404", "/3 200"));
  EXPECT_EQ(result.counters.of(Counter::kHttpWaitOverflow), 1U);
}

TEST(Waiting, WhatIsBehindAnUpgradeIsTheTunnelsOnceTheServerAgrees) {
  const Result result = run({says(kClient, get("/slow", kUpgrade)), says(kClient, post("/ph", kMoreThanIsKept)),
                             says(kServer, "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n"), says(kClient, get("/not"))});
  EXPECT_THAT(seen(result.summaries), ElementsAre("/slow 101", "/ph lossy"));
}

// TLS cannot go on behind a hole, and says no more of that direction: the client is not held back for it.
TEST(Waiting, AnUpgradeDoesNotWaitForAServerThatIsLost) {
  Bench bench;
  bench.feed(kClient, get("/1"), at_ms(0));
  bench.stream->gap(kServer, 0, at_ms(1));
  bench.feed(kClient, get("/2", kUpgrade) + get("/3"), at_ms(2));
  bench.feed(kClient, get("/4", kUpgrade) + get("/5"), at_ms(3));
  EXPECT_EQ(bench.sink.began_count(), 5U);
  bench.stream->end(kServer, StreamEnd::kFinished, at_ms(4));
  bench.stream.reset();
  EXPECT_THAT(seen(bench.sink.summaries), ElementsAre("/1 lossy", "/2", "/3", "/4", "/5"));
}

TEST(Waiting, AServerThatEndsDoesNotHideWhatWaited) {
  const Result result =
      run({says(kClient, get("/1", kUpgrade) + get("/2")), ends(kServer), says(kClient, get("/3")), ends(kClient)});
  EXPECT_THAT(seen(result.summaries), ElementsAre("/1", "/2", "/3"));
}

// Six hundred in a pipeline: those that are not followed are ended, and the others have their own answers. Some of
// the former are answered without content, and one is being answered when its turn comes.
TEST(Waiting, APipelineBeyondTheBoundKeepsItsOrder) {
  constexpr int kAll = 600;
  const std::string padding = "X: " + std::string(5000, 'x') + "\r\n";
  std::string requests;
  std::string answers;
  for (int i = 0; i < kAll; ++i) {
    const bool head = i % 3 == 1;
    const std::string request = get("/" + std::to_string(i), padding);
    requests += head ? "HEAD" + request.substr(3) : request;
    const std::string one = answer(400 + i, "content");
    answers += head ? one.substr(0, one.size() - 7) : one;
  }
  const Result result = run({says(kClient, requests.substr(0, 10'000)), says(kServer, answers.substr(0, 10)),
                             says(kClient, requests.substr(10'000)), says(kServer, answers.substr(10)),
                             says(kClient, get("/after")), says(kServer, answer(200))});
  ASSERT_THAT(result.summaries, SizeIs(kAll + 1));
  for (int i = 0; i < kAll; ++i) {
    const Summary& summary = result.summaries[static_cast<std::size_t>(i)];
    EXPECT_EQ(summary.path, "/" + std::to_string(i));
    EXPECT_EQ(summary.status.value_or(0), i < kAll - 256 ? 0 : 400 + i) << i;
    EXPECT_FALSE(summary.lossy);
  }
  EXPECT_EQ(result.summaries.back().status, 200);
  EXPECT_EQ(result.counters.of(Counter::kTooManyStreams), kAll - 256U);
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), kAll - 256U);
}

}  // namespace
}  // namespace tidegate::inspect::test
