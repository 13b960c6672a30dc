// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <random>

#include "agent/decisions/export_nft.hpp"
#include "agent/decisions/transfer.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using namespace std::chrono_literals;
using test::block;
using test::prefix;
using test::until;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const WallTime kNow = ManualClock().wall();

Decision made(NewDecision decision, std::string reason = "", std::int64_t id = 1) {
  decision.reason = std::move(reason);
  return {decision, id, kNow};
}

std::string exported(Format format, const std::vector<Decision>& decisions) {
  std::string text;
  const auto exporter = Exporter::create(format, kNow, [&](std::string_view part) { text += part; });
  for (const Decision& decision : decisions) exporter->add(decision);
  exporter->finish();
  return text;
}

std::vector<NewDecision> imported(std::string_view text, std::optional<Format> format) {
  std::vector<NewDecision> decisions;
  const auto parser =
      ImportParser::create({.format = format, .origin = {}, .now = kNow, .actor = ""}, [&](NewDecision&& d) -> Status {
        decisions.push_back(std::move(d));
        return {};
      });
  parser->feed(text);
  const ImportSummary summary = parser->finish();
  for (const LineError& error : summary.errors) ADD_FAILURE() << error.line << ": " << error.message << "\n" << text;
  return decisions;
}

TEST(ExportPlain, IsReadable) {
  EXPECT_EQ(
      exported(Format::kPlain, {made(until(block("192.0.2.0/24"), kNow + 1h), "port scan"), made(block("192.0.2.1")),
                                made(block("192.0.2.2"), "7 days"), made(until(block("192.0.2.3"), kNow + 1500ms)),
                                made(test::limit("192.0.2.4", {.packets = Rate{1, 1s}, .bytes = {}}), "slow")}),
      "192.0.2.0/24 1h port scan\n192.0.2.1\n192.0.2.2 - 7 days\n192.0.2.3 2s\n# limit 192.0.2.4 slow\n");
}

TEST(ExportJson, HasTheKeysOfTheContract) {
  EXPECT_EQ(exported(Format::kJson, {}), "[]\n");
  EXPECT_EQ(
      exported(Format::kJson,
               {made(block("192.0.2.1"), "a \"b\"", 7), made(until(block("::1"), kNow + 1h + 5ms), "", 8)}),
      "[\n"
      R"({"id":7,"target":"192.0.2.1","action":"block","origin":"operator","reason":"a \"b\"","created":"2030-01-01T00:00:00Z","expires":null})"
      ",\n"
      R"({"id":8,"target":"::1","action":"block","origin":"operator","reason":"","created":"2030-01-01T00:00:00Z","expires":"2030-01-01T01:00:00.005Z"})"
      "\n]\n");
}

TEST(ExportCsv, QuotesWhatNeedsIt) {
  EXPECT_EQ(exported(Format::kCsv, {made(block("192.0.2.1"), "a, \"b\"", 7)}),
            "id,target,action,origin,reason,created,expires,packets,bytes,forced,actor\n"
            "7,192.0.2.1,block,operator,\"a, \"\"b\"\"\",2030-01-01T00:00:00Z,,,,false,\n");
}

// Decisions with everything that could confuse a format.
std::vector<Decision> awkward(std::mt19937& random, bool only_plain) {
  const std::vector<std::string> words = {"-",
                                          "1h",
                                          "7",
                                          "#",
                                          "\"",
                                          ",",
                                          "{}",
                                          "[x]",
                                          "é",
                                          "中文",
                                          "a\\b",
                                          "'quote'",
                                          "2001:db8::1",
                                          "192.0.2.1",
                                          "=1+1",
                                          "\\u0041",
                                          "https://example.org/?a=b"};
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  std::vector<Decision> decisions;
  for (std::int64_t id = 1; id <= 200; ++id) {
    Decision decision;
    decision.id = id;
    decision.created = kNow;
    const Address address =
        pick(2) == 0 ? Address::from_v4(static_cast<std::uint32_t>(random()))
                     : Address{0x20010db800000000ULL | pick(0xffff), (std::uint64_t{random()} << 32) | random()};
    decision.target = Prefix::around(address, static_cast<unsigned>(address.is_v4() ? 96 + pick(33) : pick(129)));
    for (std::size_t i = pick(4); i > 0; --i)
      decision.reason += (decision.reason.empty() ? "" : pick(2) == 0 ? " " : "  ") + words[pick(words.size())];
    if (pick(2) == 0) decision.expires = kNow + std::chrono::seconds(1 + pick(100'000));
    if (!only_plain) {
      decision.origin = pick(2) == 0 ? "operator" : "feed:\"x\", y";
      if (decision.expires) *decision.expires += std::chrono::milliseconds(pick(1000));
      decision.action = static_cast<Action>(pick(3));
      if (decision.action == Action::kLimit) decision.limit.packets = Rate{1 + pick(1000), 60s};
      if (decision.action == Action::kLimit && pick(2) == 0) decision.limit.bytes = Rate{1 + pick(1'000'000'000), 1s};
    }
    decisions.push_back(decision);
  }
  return decisions;
}

TEST(RoundTrip, WhatWasExportedIsImportedAsItWas) {
  std::mt19937 random(3);
  for (const Format format : {Format::kPlain, Format::kJson, Format::kCsv}) {
    const auto decisions = awkward(random, format == Format::kPlain);
    const auto again = imported(exported(format, decisions), std::nullopt);
    ASSERT_THAT(again, SizeIs(decisions.size()));
    for (std::size_t i = 0; i < again.size(); ++i) {
      EXPECT_EQ(again[i].target, decisions[i].target);
      EXPECT_EQ(again[i].action, decisions[i].action);
      EXPECT_EQ(again[i].origin, decisions[i].origin);
      EXPECT_EQ(again[i].reason, decisions[i].reason);
      EXPECT_EQ(again[i].expires, decisions[i].expires);
      EXPECT_EQ(again[i].limit, decisions[i].limit);
    }
  }
}

TEST(ExportNft, SetsWithTimeouts) {
  const std::string text =
      exported(Format::kNft, {made(until(block("192.0.2.1"), kNow + 1h)), made(block("2001:db8::/32")),
                              made(test::limit("192.0.2.4", {.packets = Rate{1, 1s}, .bytes = {}})),
                              made(until(block("192.0.2.9"), kNow))});
  EXPECT_THAT(
      text,
      HasSubstr("type ipv4_addr\n\t\tflags interval, timeout\n\t\telements = {\n\t\t\t192.0.2.1 timeout 3600s\n"));
  EXPECT_THAT(text, HasSubstr("\t\t\t2001:db8::/32\n"));
  EXPECT_THAT(text, HasSubstr("1 limit and monitor"));
  EXPECT_THAT(text, Not(HasSubstr("192.0.2.9")));
}

std::vector<std::string> disjoint(std::vector<Block> blocks) {
  std::vector<std::string> shown;
  each_disjoint(std::move(blocks), [&](const Interval& i) {
    shown.push_back(i.first.to_string() + "-" + i.last.to_string() +
                    (i.expires ? " " + std::to_string((*i.expires - kNow) / 1s) : ""));
  });
  return shown;
}

TEST(ExportNft, OverlapsAreCutByWhatLastsLongest) {
  const auto at = [](const char* target, std::optional<std::chrono::seconds> lasts) {
    return Block{prefix(target), lasts ? std::optional(kNow + *lasts) : std::nullopt};
  };
  EXPECT_THAT(disjoint({at("192.0.2.0/24", {}), at("192.0.2.7", 60s)}), ElementsAre("192.0.2.0-192.0.2.255"));
  EXPECT_THAT(disjoint({at("192.0.2.7", {}), at("192.0.2.0/24", 60s)}),
              ElementsAre("192.0.2.0-192.0.2.6 60", "192.0.2.7-192.0.2.7", "192.0.2.8-192.0.2.255 60"));
  EXPECT_THAT(
      disjoint({at("192.0.2.0/24", 60s), at("192.0.2.0/25", 90s), at("192.0.2.0", 100s), at("192.0.2.0/24", 70s)}),
      ElementsAre("192.0.2.0-192.0.2.0 100", "192.0.2.1-192.0.2.127 90", "192.0.2.128-192.0.2.255 70"));
  EXPECT_THAT(disjoint({at("::/0", 60s), at("ffff::/16", 90s)}),
              ElementsAre("::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 60",
                          "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 90"));
}

// Each address of a small space ends up in one interval at most, with the expiry that a scan of all blocks gives.
TEST(ExportNft, AgreesWithAScan) {
  std::mt19937 random(5);
  const std::uint32_t base = 0xc0000200;
  std::vector<Block> blocks;
  for (int i = 0; i < 40; ++i) {
    const auto length = 120 + static_cast<unsigned>(random() % 9);
    const Address address = Address::from_v4(base + static_cast<std::uint32_t>(random() % 256));
    blocks.push_back({Prefix::around(address, length), kNow + std::chrono::seconds(1 + random() % 100)});
    if (length == 120) blocks.pop_back();
  }
  std::map<Address, WallTime> found;
  each_disjoint(blocks, [&](const Interval& i) {
    for (std::uint64_t a = i.first.lo; a <= i.last.lo; ++a)
      EXPECT_TRUE(found.emplace(Address{0, a}, *i.expires).second) << a;
  });
  for (std::uint32_t i = 0; i < 256; ++i) {
    const Address address = Address::from_v4(base + i);
    WallTime expected{};
    for (const Block& b : blocks) {
      if (b.target.contains(address)) expected = std::max(expected, *b.expires);
    }
    EXPECT_EQ(found.contains(address) ? found[address] : WallTime{}, expected) << address.to_string();
  }
}

TEST(ExportNft, NftAcceptsIt) {
  if (std::system("unshare -n nft list ruleset > /dev/null 2>&1") != 0)
    GTEST_SKIP() << "nft or a network namespace is missing";
  std::mt19937 random(9);
  const test::TempDir directory;
  auto decisions = awkward(random, false);
  decisions.push_back(made(block("255.255.255.255")));
  decisions.push_back(made(until(block("255.255.255.0/24"), kNow + 1h)));
  for (const auto& some : {decisions, std::vector<Decision>{}}) {
    std::ofstream(directory / "x.nft") << exported(Format::kNft, some);
    EXPECT_EQ(std::system(("unshare -n nft -f " + (directory / "x.nft").string()).c_str()), 0);
  }
}

}  // namespace
}  // namespace tidegate::decisions
