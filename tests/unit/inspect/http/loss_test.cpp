// SPDX-License-Identifier: Apache-2.0
// HTTP/1 after loss, in captures that are not in order of time: no response is given to a request that it does not
// answer.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

class Http1AfterLoss : public testing::Test {
 protected:
  void client(std::int64_t ms, std::string_view path) {
    bench_.feed(kClient, "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n", at_ms(ms));
  }
  void server(std::int64_t ms, int status) {
    bench_.feed(kServer, "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n", at_ms(ms));
  }
  void loses(Direction direction, std::int64_t ms) { bench_.stream->gap(direction, 0, at_ms(ms)); }
  // "/a 200", "/b -, lossy"
  std::vector<std::string> seen() {
    bench_.stream.reset();
    std::vector<std::string> found;
    for (const Summary& one : bench_.sink.summaries) {
      found.push_back(one.path + " " + (one.status ? std::to_string(*one.status) : "-") + (one.lossy ? ", lossy" : ""));
    }
    return found;
  }
  using Seen = std::vector<std::string>;
  Bench bench_;
};

TEST_F(Http1AfterLoss, AResponseThatCameBeforeItsRequestIsNotMissedByTheNextOne) {
  loses(kClient, 5);
  server(30, 201);  // answers /created
  client(20, "/created");
  client(40, "/missing");
  server(50, 404);
  EXPECT_EQ(seen(), (Seen{"/created -, lossy", "/missing 404"}));
}

TEST_F(Http1AfterLoss, NobodyAnswersWhatIsAskedLater) {
  loses(kClient, 5);
  client(20, "/medium");
  server(10, 200);  // answers what was lost
  server(30, 206);
  EXPECT_EQ(seen(), (Seen{"/medium 206"}));
}

TEST_F(Http1AfterLoss, AResponseLostBehindAnotherIsNotMadeUpForByTheNext) {
  client(10, "/a");
  loses(kServer, 15);
  client(20, "/b");
  loses(kServer, 25);
  client(30, "/c");
  server(35, 404);
  EXPECT_EQ(seen(), (Seen{"/a -, lossy", "/b -, lossy", "/c 404"}));
}

// What comes in order is read as ever: the first request behind a loss has its answer.
TEST_F(Http1AfterLoss, InOrderOfTimeOnlyWhatWasLostIsMissed) {
  client(10, "/a");
  server(15, 200);
  loses(kClient, 20);
  server(21, 200);
  client(30, "/b");
  server(35, 404);
  client(40, "/c");
  server(45, 201);
  EXPECT_EQ(seen(), (Seen{"/a 200", "/b 404", "/c 201"}));
}

// Without loss the order of each direction is all that counts: clocks of several devices may differ.
TEST_F(Http1AfterLoss, WithoutLossTimesDoNotMatter) {
  client(20, "/a");
  server(10, 200);
  EXPECT_EQ(seen(), (Seen{"/a 200"}));
}

}  // namespace
}  // namespace tidegate::inspect::test
