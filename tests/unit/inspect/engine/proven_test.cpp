// SPDX-License-Identifier: Apache-2.0
// Whether a summary says that its client was seen to be where its address says.
#include "tests/unit/inspect/engine/fixture.hpp"

namespace tidegate::inspect {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tidegate::test::TcpScript;

class ProvenTest : public EngineFixture {};

TEST_F(ProvenTest, WhatTheClientOfAHandshakeAsksIsProven) {
  make(web_settings());
  feed(TcpScript().handshake().client(kGet).server(kNoContent).client(kGet).server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 2U);
  EXPECT_TRUE(sink_.summaries[0].connection.proven);
  EXPECT_TRUE(sink_.summaries[1].connection.proven);
}

TEST_F(ProvenTest, WhatIsAskedOfAConnectionThatWentOnBeforeIsProvenByItsAnswer) {
  make(web_settings());
  feed(TcpScript().client(kGet).server(kNoContent));
  ASSERT_EQ(sink_.summaries.size(), 1U);
  EXPECT_TRUE(sink_.summaries[0].connection.proven);
}

// The server's kernel refuses what belongs to no connection, and there is a request without a status.
TEST_F(ProvenTest, WhatAnybodyCanSendIsShownAndNotProven) {
  make(web_settings());
  auto forged = TcpScript().handshake().client(kGet).reset(Direction::kToClient).segments();
  forged[3].head.acknowledged += 100;
  forged.back().head.sequence += 100;
  feed({forged.begin(), forged.begin() + 2});  // the SYN, and the server's answer to it, which the forger does not see
  feed({forged[3], forged.back()});
  engine_->finish(last_);
  ASSERT_EQ(sink_.summaries.size(), 1U);
  EXPECT_FALSE(sink_.summaries[0].connection.proven);
  make(web_settings());
  feed({forged[3], forged.back()});
  ASSERT_EQ(sink_.summaries.size(), 2U);
  EXPECT_EQ(sink_.summaries[1].path, "/orders/17");
  EXPECT_FALSE(sink_.summaries[1].status);
  EXPECT_FALSE(sink_.summaries[1].connection.proven);
}

TEST_F(ProvenTest, EventsSayIt) {
  const auto told = [&](bool proven) {
    make(web_settings());
    sink_.summaries.clear();
    auto segments =
        TcpScript().handshake().client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome").segments();
    if (!proven) segments = {segments[0], segments[3]};
    feed(segments);
    for (WallTime now = last_; now <= last_ + seconds(11); now += milliseconds(100)) engine_->tick(now);
    EXPECT_EQ(sink_.summaries.size(), 1U);
    if (sink_.summaries.empty()) return !proven;
    EXPECT_EQ(sink_.summaries[0].kind, SummaryKind::kStalled);
    return sink_.summaries[0].connection.proven;
  };
  EXPECT_TRUE(told(true));
  EXPECT_FALSE(told(false));
}

}  // namespace
}  // namespace tidegate::inspect
