// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/summary_codec.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/inspect/wire/samples.hpp"

namespace tidegate::inspect::wire {
namespace {

std::vector<std::byte> records_of(const SummaryBatch& batch) {
  const auto message = decode_to_agent(batch.message());
  const Bytes records = std::get<Summaries>(*message).records;
  return {records.begin(), records.end()};
}

TEST(SummaryCodec, EveryFieldArrives) {
  SummaryBatch batch;
  batch.add(full_summary());
  batch.add(Summary{});
  batch.add(full_summary());
  EXPECT_EQ(batch.size(), 3U);
  const auto records = records_of(batch);
  SummaryReader reader(records);
  Summary found;
  ASSERT_TRUE(reader.next(found));
  EXPECT_EQ(text_of(found), text_of(full_summary()));
  ASSERT_TRUE(reader.next(found)) << "into memory that held another";
  EXPECT_EQ(text_of(found), text_of(Summary{}));
  ASSERT_TRUE(reader.next(found));
  EXPECT_EQ(text_of(found), text_of(full_summary()));
  EXPECT_FALSE(reader.next(found));
  EXPECT_TRUE(reader.complete());
}

TEST(SummaryCodec, EachOptionalPartAlone) {
  const std::vector<void (*)(Summary&)> changes{
      [](Summary& s) { s.connection.proxied = Address::from_v4(1); },
      [](Summary& s) { s.proxied = Address::from_v4(2); },
      [](Summary& s) { s.status = 65535; },
      [](Summary& s) { s.grpc_status = std::numeric_limits<std::uint32_t>::max(); },
      [](Summary& s) { s.session.emplace(); },
      [](Summary& s) { s.account.emplace(); },
      [](Summary& s) { s.session_before.emplace(); },
      [](Summary& s) { s.account_before.emplace(); },
      [](Summary& s) { s.api_operation = 65535; },
      [](Summary& s) { s.api_facts = kAllApiFacts; },
      [](Summary& s) { s.attacks = kAllAttackFacts; },
      [](Summary& s) { s.kind = SummaryKind::kStalled; },
      [](Summary& s) { s.websocket.emplace(); },
      [](Summary& s) { s.truncated = true; },
      [](Summary& s) { s.lossy = true; },
      [](Summary& s) { s.reset = true; },
  };
  for (const auto change : changes) {
    Summary summary;
    change(summary);
    SummaryBatch batch;
    batch.add(summary);
    const auto records = records_of(batch);
    SummaryReader reader(records);
    Summary found = full_summary();
    ASSERT_TRUE(reader.next(found));
    EXPECT_EQ(text_of(found), text_of(summary));
  }
}

// Even the longest summary leaves a batch that is not yet full within a message.
TEST(SummaryCodec, ABatchFitsAMessage) {
  Summary longest = full_summary();
  for (std::string* text :
       {&longest.method, &longest.host, &longest.path, &longest.path_template, &longest.user_agent, &longest.service,
        &longest.connection.sni, &longest.connection.alpn, &longest.connection.ja4}) {
    text->assign(1 << 20, 'x');
  }
  longest.query_keys.assign(1000, std::string(1000, 'k'));
  SummaryBatch batch;
  while (!batch.full()) batch.add(longest);
  EXPECT_LE(batch.message().size(), kMostBytes);
  const auto records = records_of(batch);
  SummaryReader reader(records);
  Summary found;
  while (reader.next(found)) {
    EXPECT_EQ(found.path.size(), kLongestPath);
    EXPECT_EQ(found.query_keys.size(), kMostQueryKeys);
  }
  EXPECT_TRUE(reader.complete());
}

TEST(SummaryCodec, CutAnywhereIsNotComplete) {
  SummaryBatch batch;
  batch.add(full_summary());
  const auto records = records_of(batch);
  for (std::size_t size = 1; size < records.size(); ++size) {
    SummaryReader reader(Bytes(records).first(size));
    Summary found;
    EXPECT_FALSE(reader.next(found)) << size;
    EXPECT_FALSE(reader.complete());
  }
}

TEST(SummaryCodec, DamageIsBounded) {
  std::mt19937 random(11);
  for (int round = 0; round < 5000; ++round) {
    SummaryBatch batch;
    batch.add(full_summary());
    batch.add(full_summary());
    auto records = records_of(batch);
    for (int hits = 0; hits < 4; ++hits) records[random() % records.size()] = static_cast<std::byte>(random());
    SummaryReader reader(records);
    Summary found;
    while (reader.next(found)) {
      ASSERT_LE(found.path.size(), kLongestPath);
      ASSERT_LE(found.query_keys.size(), kMostQueryKeys);
    }
  }
}

TEST(SummaryCodec, ClearedBatchIsEmpty) {
  SummaryBatch batch;
  batch.add(full_summary());
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(records_of(batch).empty());
}

}  // namespace
}  // namespace tidegate::inspect::wire
