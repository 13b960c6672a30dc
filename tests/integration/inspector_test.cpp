// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/integration/inspector_fixture.hpp"

namespace tidegate::harness {
namespace {

using inspect::HashKey;

const std::string kRequest = "GET /orders/17?token=hidden HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
const std::string kResponse = "HTTP/1.1 204 No Content\r\n\r\n";

TEST_F(InspectorTest, ARequestBecomesASummary) {
  begin(settings());
  const auto ready = next<wire::Ready>();
  ASSERT_TRUE(ready) << problems_;
  EXPECT_TRUE(ready->filter && ready->no_capabilities && ready->no_dump);
  exchange(*space_, kRequest, kResponse);
  const auto summary = next_summary();
  ASSERT_TRUE(summary) << problems_;
  EXPECT_EQ(summary->method, "GET");
  EXPECT_EQ(summary->path, "/orders/17");
  EXPECT_EQ(summary->path_template, "/orders/{}");
  EXPECT_EQ(summary->status, 204);
  EXPECT_EQ(summary->service, "web");
  const auto statistics =
      next<wire::Statistics>([](const auto& found) { return found.counters.of(inspect::Counter::kRequests) > 0; });
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->counters.of(inspect::Counter::kConnections), 1U);
  EXPECT_EQ(statistics->counters.of(inspect::Counter::kCleartext), 1U);
}

TEST_F(InspectorTest, KeyLinesAreTakenFromTheAgentAndFromSources) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const std::string line = "CLIENT_RANDOM " + std::string(64, 'a') + " " + std::string(96, 'b') + "\n";
  send(wire::KeyLines{.source = 900, .lines = std::as_bytes(std::span(line.data(), line.size()))});
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  UniqueFd ours(ends[0]);
  {
    const UniqueFd theirs(ends[1]);
    send(wire::KeySource{.id = 7, .kind = wire::KeySource::Kind::kStream, .allowed_users = {}, .allowed_group = {}},
         theirs.get());
  }
  const std::string lines = "CLIENT_RANDOM " + std::string(64, 'c') + " " + std::string(96, 'd') + "\nnonsense here\n";
  ASSERT_EQ(write(ours.get(), lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  const auto statistics = next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 2; });
  ASSERT_TRUE(statistics) << problems_;
  ASSERT_EQ(statistics->sources.size(), 2U);
  EXPECT_EQ(statistics->sources[0], (wire::KeyStatistics::Source{7, 1, 1, 0, 0, 0}));
  EXPECT_EQ(statistics->sources[1], (wire::KeyStatistics::Source{900, 1, 0, 0, 0, 0}));
  EXPECT_GT(statistics->resident_bytes, 1'000'000U);
  ours.reset();
  const auto ended_source = next<wire::KeySourceEnded>();
  ASSERT_TRUE(ended_source);
  EXPECT_EQ(ended_source->id, 7U);
}

// What is said of locked memory is what the kernel says.
TEST_F(InspectorTest, OnlyTheStoreIsLockedWhereTheLimitIsLow) {
  restart_with_memlock(8 << 20);
  begin(settings());
  const auto ready = next<wire::Ready>();
  ASSERT_TRUE(ready) << problems_;
  EXPECT_FALSE(ready->secrets_locked);
  EXPECT_TRUE(ready->key_store_locked);
  EXPECT_THAT(locked_kib(), testing::AllOf(testing::Gt(4096U), testing::Le(8192U)));
  exchange(*space_, kRequest, kResponse);
  EXPECT_TRUE(next_summary()) << "memory can still be mapped";
}

TEST_F(InspectorTest, NothingIsLockedWhereNothingMayBe) {
  restart_with_memlock(0);
  begin(settings());
  const auto ready = next<wire::Ready>();
  ASSERT_TRUE(ready) << problems_;
  EXPECT_FALSE(ready->secrets_locked || ready->key_store_locked);
  EXPECT_EQ(locked_kib(), 0U);
}

TEST_F(InspectorTest, EverythingIsLockedWhereTheLimitAllowsIt) {
  rlimit now{};
  getrlimit(RLIMIT_MEMLOCK, &now);
  if (const rlimit all{RLIM_INFINITY, RLIM_INFINITY}; setrlimit(RLIMIT_MEMLOCK, &all) != 0) {
    GTEST_SKIP() << "RLIMIT_MEMLOCK cannot be raised: no CAP_SYS_RESOURCE";
  }
  setrlimit(RLIMIT_MEMLOCK, &now);
  restart_with_memlock(RLIM_INFINITY);
  begin(settings());
  const auto ready = next<wire::Ready>();
  ASSERT_TRUE(ready) << problems_;
  EXPECT_TRUE(ready->secrets_locked && ready->key_store_locked);
  EXPECT_GT(locked_kib(), 16U << 10) << "more than the store";
  exchange(*space_, kRequest, kResponse);
  EXPECT_TRUE(next_summary());
}

// A key log file that grows is read where no path can be opened.
TEST_F(InspectorTest, AGrowingFileIsRead) {
  const TempDir directory;
  const auto path = directory.path() / "keys.log";
  write_file(path, "CLIENT_RANDOM " + std::string(64, 'a') + " " + std::string(96, 'b') + "\n");
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  send(wire::KeySource{.id = 3, .kind = wire::KeySource::Kind::kFile, .allowed_users = {}, .allowed_group = {}},
       file.get());
  ASSERT_TRUE(next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 1; })) << problems_;
  const UniqueFd writer(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const std::string more = "CLIENT_RANDOM " + std::string(64, 'c') + " " + std::string(96, 'd') + "\n";
  ASSERT_EQ(write(writer.get(), more.data(), more.size()), static_cast<ssize_t>(more.size()));
  EXPECT_TRUE(next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 2; })) << problems_;
}

TEST_F(InspectorTest, NewSettingsActWithoutARestart) {
  inspect::Settings nothing = settings();
  nothing.services.front().ports = {{1, 1}};
  begin(nothing);
  ASSERT_TRUE(next<wire::Ready>());
  exchange(*space_, kRequest, kResponse);
  ASSERT_TRUE(next<wire::Statistics>([](const auto& found) {
    return found.counters.of(inspect::Counter::kPackets) > 5;
  })) << problems_;
  send(settings());
  send(wire::IdentityKey{});
  for (int i = 0; i < 50; ++i) {
    exchange(*space_, kRequest, kResponse);
    const auto statistics = next<wire::Statistics>();
    ASSERT_TRUE(statistics) << problems_;
    if (statistics->counters.of(inspect::Counter::kRequests) > 0) return;
  }
  ADD_FAILURE() << "the new service is not inspected";
}

// The same cookie is the same session until the key is replaced, and then another one: nobody can be followed for
// longer.
TEST_F(InspectorTest, SessionsHaveOtherHashesUnderAnotherKey) {
  inspect::Settings with_session = settings();
  with_session.services.front().session = {inspect::IdentityField::Where::kCookie, "sid"};
  begin(with_session);
  ASSERT_TRUE(next<wire::Ready>());
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=somebody\r\n\r\n";
  const auto session = [&]() -> std::optional<inspect::IdentityHash> {
    exchange(*space_, request, kResponse);
    const auto summary = next_summary();
    return summary ? summary->session : std::nullopt;
  };
  const auto before = session();
  ASSERT_TRUE(before) << problems_;
  EXPECT_EQ(session(), before);
  wire::IdentityKey other;
  other.key.fill(std::byte{2});
  send(other);
  auto after = session();
  for (int i = 0; i < 50 && after == before; ++i) after = session();  // the key arrives while connections go on
  ASSERT_TRUE(after) << problems_;
  EXPECT_NE(after, before);
  EXPECT_EQ(session(), after);
  send(with_session);  // settings carry the key, the first one here
  for (int i = 0; i < 50 && after != before; ++i) after = session();
  EXPECT_EQ(after, before);
}

// Of published lines the secrets alone are kept, in the store.
TEST_F(InspectorTest, PublishedLinesAreWiped) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const std::string secret = "5ec2e7" + std::string(90, 'd');
  std::string lines;
  for (int i = 0; i < 100; ++i) {
    lines += "CLIENT_RANDOM " + std::to_string(100 + i) + std::string(61, 'a') + " " + secret + "\n";
  }
  send(wire::KeyLines{.source = 900, .lines = std::as_bytes(std::span(lines.data(), lines.size()))});
  ASSERT_TRUE(next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 100; })) << problems_;
  const std::string kept = "\x5e\xc2\xe7" + std::string(45, '\xdd');
  EXPECT_TRUE(remembers(kept)) << "this does not look where it should";
  EXPECT_FALSE(remembers(secret));
  EXPECT_FALSE(remembers(secret.substr(0, 32)));
}

HashKey key_of(std::string_view text) {
  HashKey key;
  std::ranges::copy(std::as_bytes(std::span(text)), key.begin());
  return key;
}

// The settings are several messages, so that keys are in more than one buffer.
TEST_F(InspectorTest, ReplacedKeysOfIdentitiesAreWiped) {
  const std::string first = "the first key of identities ....";
  const std::string second = "the second key of identities ...";
  const std::string third = "the third key of identities ....";
  inspect::Settings large = settings();
  large.services.front().session = {inspect::IdentityField::Where::kCookie, "sid"};
  large.identity_key = key_of(first);
  for (int i = 0; i < 1000; ++i) large.services.push_back({.name = std::string(200, 'n'), .ports = {{1, 1}}});
  begin(large);
  ASSERT_TRUE(next<wire::Ready>()) << problems_;
  EXPECT_TRUE(remembers(first)) << "this does not look where it should";
  send(wire::IdentityKey{key_of(second), key_of(first)});
  large.identity_key = key_of(second);
  large.identity_key_before = key_of(first);
  send(large);
  ASSERT_TRUE(next<wire::KeyStatistics>()) << problems_;
  send(wire::IdentityKey{key_of(second), std::nullopt});
  EXPECT_TRUE(forgets(first));
  EXPECT_TRUE(remembers(second));
  large.identity_key = key_of(third);
  large.identity_key_before.reset();
  send(large);
  EXPECT_TRUE(forgets(second));
  EXPECT_TRUE(remembers(third));
}

TEST_F(InspectorTest, StopEndsItInOrder) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  send(wire::Stop{});
  EXPECT_EQ(ended(), 0);
}

TEST_F(InspectorTest, ItEndsWhenTheAgentHasGone) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  channel_->close();
  EXPECT_EQ(ended(), 0);
}

TEST_F(InspectorTest, ItSaysWhyItCannotBegin) {
  send(wire::Start{.workers = 1, .ring_block_bytes = 12345, .ring_blocks = 1});
  send(settings());
  const auto problem = next<wire::Problem>();
  ASSERT_TRUE(problem);
  EXPECT_TRUE(problem->fatal);
  EXPECT_EQ(ended(), 1);
}

// Nothing that the agent's end may say makes it fall over.
TEST_F(InspectorTest, NonsenseOnTheChannelIsAnswered) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const std::vector<std::byte> nonsense(100, std::byte{7});
  ASSERT_TRUE(channel_->send(nonsense, wire::Wait::kYes));
  const auto problem = next<wire::Problem>();
  ASSERT_TRUE(problem);
  EXPECT_FALSE(problem->fatal);
  exchange(*space_, kRequest, kResponse);
  EXPECT_TRUE(next_summary());
}

// What the ring had no room for is counted, whole connections are given up meanwhile, and it ends.
TEST_F(InspectorTest, AFullRingShedsConnectionsAndSaysSo) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  wire::Statistics worst;
  const auto is_overloaded = [&worst](const wire::Statistics& found) {
    worst.counters = found.counters;
    worst.shedding = std::max(worst.shedding, found.shedding);
    return worst.shedding > 0 && found.counters.of(inspect::Counter::kRingDropped) > 0 &&
           found.counters.of(inspect::Counter::kShedFlows) > 0;
  };
  bool overloaded = false;
  for (int attempt = 0; attempt < 5 && !overloaded; ++attempt) {
    ASSERT_TRUE(signal_one(pid_, SIGSTOP));
    // Blocks are handed over after 2 ms, so that the ring is full after 128 ms of small packets.
    for (const auto end = steady_clock::now() + milliseconds(400); steady_clock::now() < end;) {
      exchange(*space_, kRequest, kResponse);
    }
    ASSERT_TRUE(signal_one(pid_, SIGCONT));
    const auto end = steady_clock::now() + milliseconds(1000);
    next<wire::Statistics>([&](const auto& found) {
      overloaded = overloaded || is_overloaded(found);
      return overloaded || steady_clock::now() > end;
    });
  }
  EXPECT_GT(worst.counters.of(inspect::Counter::kRingDropped), 0U);
  EXPECT_GE(worst.shedding, 1);
  EXPECT_GT(worst.counters.of(inspect::Counter::kShedFlows), 0U);
  EXPECT_TRUE(next<wire::Statistics>([](const auto& found) {
    return found.shedding == 0 && found.shed_millionth == 0;
  })) << "it does not go back";
}

// An agent that does not read costs summaries, which are counted, and never blocks the capture.
TEST_F(InspectorTest, AnAgentThatDoesNotReadLosesSummariesOnly) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  std::string requests;
  std::string responses;
  for (int i = 0; i < 400; ++i) {
    requests += "GET /" + std::string(1000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    responses += kResponse;
  }
  std::uint64_t dropped = 0;
  for (int i = 0; i < 12; ++i) exchange(*space_, requests, responses);
  wait_until_idle();
  const auto statistics = next<wire::Statistics>([&dropped](const auto& found) {
    dropped = found.counters.of(inspect::Counter::kSummariesDropped);
    return found.counters.of(inspect::Counter::kRequests) == 12 * 400;
  });
  ASSERT_TRUE(statistics) << problems_;
  EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace tidegate::harness
