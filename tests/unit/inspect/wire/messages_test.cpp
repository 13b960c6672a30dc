// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/messages.hpp"

#include <gtest/gtest.h>

#include "agent/inspect/wire/codec.hpp"
#include "tests/unit/inspect/wire/samples.hpp"

namespace tidegate::inspect::wire {
namespace {

const std::string kText = "CLIENT_RANDOM 00 11\n";
const Bytes kBytes = std::as_bytes(std::span(kText.data(), kText.size()));

std::vector<ToInspector> each_to_inspector() {
  IdentityKey identity;
  identity.key.fill(std::byte{42});
  identity.before.emplace().fill(std::byte{43});
  return {Start{Start::Mode::kOffline, 3, 2, 1 << 22, 64},
          SettingsPart{true, false, kBytes},
          identity,
          IdentityKey{},
          KeySource{9, KeySource::Kind::kFile, {33, 0, 65534}, 4'000'000'000U},
          KeySourceRemoved{8},
          KeyLines{7, kBytes},
          Stop{}};
}

Statistics sample_statistics() {
  Statistics statistics{.worker = 5,
                        .counters = {},
                        .connections = 12,
                        .memory_bytes = 1'000'000,
                        .shedding = 2,
                        .shed_millionth = 250'000,
                        .ring_fill_millionth = 1'000'000};
  for (std::size_t i = 0; i < kCounters; ++i) statistics.counters.values()[i] = i * i * 1'000'003;
  statistics.counters.add(Counter::kPackets, ~std::uint64_t{0} >> 1);
  return statistics;
}

std::vector<ToAgent> each_to_agent() {
  KeyStatistics keys{.counters = sample_statistics().counters, .sessions = 3, .resident_bytes = 99, .sources = {}};
  keys.sources = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}};
  return {Ready{true, false, true, false, true, false},
          Summaries{kBytes},
          sample_statistics(),
          keys,
          KeySourceEnded{17},
          Problem{true, 4, "the ring cannot be mapped"},
          Progress{1ULL << 40},
          Finished{sample_statistics(), "cut off", 12}};
}

// What decodes to the same is encoded to the same bytes again.
template <typename Message, typename Decode>
void expect_same_again(const std::vector<Message>& messages, Decode decode) {
  for (const Message& message : messages) {
    const auto bytes = encode(message);
    const auto decoded = decode(bytes);
    ASSERT_TRUE(decoded.has_value()) << message.index() << ": " << decoded.error().message;
    EXPECT_EQ(decoded->index(), message.index());
    EXPECT_EQ(encode(*decoded), bytes) << message.index();
  }
}

TEST(Messages, ArriveAsTheyWereSent) {
  expect_same_again(each_to_inspector(), decode_to_inspector);
  expect_same_again(each_to_agent(), decode_to_agent);
}

TEST(Messages, KeepTheirValues) {
  const auto start = decode_to_inspector(encode(ToInspector(Start{Start::Mode::kOffline, 3, 2, 1 << 22, 64})));
  EXPECT_EQ(std::get<Start>(*start), (Start{Start::Mode::kOffline, 3, 2, 1 << 22, 64}));
  const KeySource source{9, KeySource::Kind::kFile, {33, 0}, 104};
  EXPECT_EQ(std::get<KeySource>(*decode_to_inspector(encode(ToInspector(source)))), source);
  const auto finished = decode_to_agent(encode(ToAgent(Finished{sample_statistics(), "cut off", 12})));
  EXPECT_EQ(std::get<Finished>(*finished).problem, "cut off");
  EXPECT_EQ(std::get<Finished>(*finished).statistics.counters.values(), sample_statistics().counters.values());
  EXPECT_EQ(std::get<Finished>(*finished).statistics.shed_millionth, 250'000U);
}

// A message that ends early is never taken for a whole one, but for those whose rest is payload.
TEST(Messages, CutAnywhereAreRefused) {
  for (const ToInspector& message : each_to_inspector()) {
    const auto bytes = encode(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_to_inspector(Bytes(bytes).first(size)).has_value()) << message.index() << " at " << size;
    }
  }
  for (const ToAgent& message : each_to_agent()) {
    if (std::holds_alternative<Summaries>(message)) continue;
    const auto bytes = encode(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_to_agent(Bytes(bytes).first(size)).has_value()) << message.index() << " at " << size;
    }
  }
}

TEST(Messages, WithSomethingBehindAreRefused) {
  auto bytes = encode(ToInspector(Stop{}));
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_to_inspector(bytes).has_value());
}

TEST(Messages, OfOneDirectionAreNoneOfTheOther) {
  EXPECT_FALSE(decode_to_agent(encode(ToInspector(Stop{}))).has_value());
  EXPECT_FALSE(decode_to_inspector(encode(ToAgent(KeySourceEnded{1}))).has_value());
}

TEST(Messages, OfAnotherVersionSayWhatToDo) {
  auto bytes = encode(ToAgent(KeySourceEnded{1}));
  bytes[0] = static_cast<std::byte>(kVersion + 1);
  const auto decoded = decode_to_agent(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_NE(decoded.error().message.find("restart tidegated"), std::string::npos);
}

TEST(Messages, BeyondTheirBoundsAreRefused) {
  EXPECT_FALSE(decode_to_inspector(encode(ToInspector(Start{.workers = kMostWorkers + 1}))).has_value());
  EXPECT_FALSE(decode_to_inspector(encode(ToInspector(Start{.keylogs = kMostKeylogs + 1}))).has_value());
  std::vector<std::byte> much(kMostBytes + 1, std::byte{kVersion});
  EXPECT_FALSE(decode_to_agent(much).has_value());
  Statistics statistics;
  statistics.shed_millionth = 1'000'001;
  EXPECT_FALSE(decode_to_agent(encode(ToAgent(statistics))).has_value());
}

TEST(Messages, CutTextsAtTheirBound) {
  const auto problem = decode_to_agent(encode(ToAgent(Problem{false, 0, std::string(5000, 'x')})));
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(std::get<Problem>(*problem).text.size(), kMostText);
}

// A length may not claim more than is there, however the varint is spelled.
TEST(Codec, LengthsAreNotBelieved) {
  std::vector<std::byte> out;
  Writer writer(out);
  writer.number(~std::uint64_t{0});
  Reader reader(out);
  EXPECT_TRUE(reader.bytes(~std::size_t{0}).empty());
  EXPECT_FALSE(reader.ok());
  std::vector<std::byte> endless(11, std::byte{0xff});
  Reader long_number(endless);
  EXPECT_EQ(long_number.number(), 0U);
  EXPECT_FALSE(long_number.ok());
}

TEST(Codec, NumbersOfEverySize) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value :
         {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit, ~std::uint64_t{0} >> bit}) {
      std::vector<std::byte> out;
      Writer(out).number(value);
      Reader reader(out);
      EXPECT_EQ(reader.number(), value);
      EXPECT_TRUE(reader.ok() && reader.at_end());
    }
  }
}

// Random damage: refused or read, never beyond the bounds (asan watches), and what is read can be written.
TEST(Messages, DamagedNeverCrash) {
  std::mt19937 random(7);
  for (const ToAgent& message : each_to_agent()) {
    for (int round = 0; round < 300; ++round) {
      auto bytes = encode(message);
      for (int hits = 0; hits < 3; ++hits) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      const auto decoded = decode_to_agent(bytes);
      if (decoded) {
        EXPECT_FALSE(encode(*decoded).empty());
      }
    }
  }
}

}  // namespace
}  // namespace tidegate::inspect::wire
