// SPDX-License-Identifier: Apache-2.0
// A stream cut, shuffled, repeated, overlapped and partly lost in random ways comes out as far as it was there.
#include <algorithm>
#include <random>

#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using Random = std::mt19937;  // the same everywhere

std::size_t up_to(Random& random, std::size_t most) { return random() % (most + 1); }

struct Part {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// The stream in parts that touch or overlap one another, some of them twice.
std::vector<Part> cut(Random& random, std::size_t length) {
  std::vector<Part> parts;
  const std::size_t largest = 1 + up_to(random, 2000);
  for (std::size_t at = 0; at < length;) {
    const std::size_t size = std::min(1 + up_to(random, largest), length - at);
    const std::size_t back = random() % 4 == 0 ? std::min(at, up_to(random, largest)) : 0;
    const std::size_t over = random() % 4 == 0 ? std::min(length - at - size, up_to(random, largest)) : 0;
    parts.push_back({at - back, back + size + over});
    if (random() % 8 == 0) parts.push_back(parts.back());
    at += size;
  }
  return parts;
}

void shuffle_nearby(Random& random, std::vector<Part>& parts, std::size_t window) {
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    std::swap(parts[i], parts[std::min(i + up_to(random, window), parts.size() - 1)]);
  }
}

class PropertyTest : public TcpTest {
 protected:
  struct Conversation {
    std::uint32_t isn;
    std::string text;
    test::TcpScriptOptions options;
    Segment data;  // of the client, and the server's answer: to be filled in
    Segment ack;
  };

  Conversation conversation(Random& random) {
    Conversation made;
    made.isn = static_cast<std::uint32_t>(random() % 2 == 0 ? 0xffffffffU - up_to(random, 30'000) : random());
    made.text.resize(1 + up_to(random, 40'000));
    for (char& c : made.text) c = static_cast<char>('a' + random() % 26);
    made.options.client_isn = made.isn;
    made.options.flow.client.port = static_cast<std::uint16_t>(1000 + owner_.connections.size());
    const auto segments = test::TcpScript(made.options).handshake().client("x").segments();
    made.data = segments.at(3).head;
    made.ack = segments.at(4).head;
    return made;
  }
  void send(const Conversation& talk, const Part& part) {
    Segment segment = talk.data;
    segment.sequence = talk.isn + 1 + static_cast<std::uint32_t>(part.begin);
    segment.payload = std::as_bytes(std::span(talk.text)).subspan(part.begin, part.size);
    table_.add(segment);
  }
  void acknowledge(const Conversation& talk, std::size_t upto) {
    Segment segment = talk.ack;
    segment.acknowledged = talk.isn + 1 + static_cast<std::uint32_t>(upto);
    table_.add(segment);
  }
};

TEST_F(PropertyTest, WhatIsCompleteComesOutWhole) {
  Random random(20300101);
  for (int round = 0; round < 150; ++round) {
    const Conversation talk = conversation(random);
    add(test::TcpScript(talk.options).handshake().segments());
    auto parts = cut(random, talk.text.size());
    shuffle_nearby(random, parts, up_to(random, 40));
    for (const Part& part : parts) send(talk, part);
    ASSERT_EQ(owner_.connections.back()->client(), talk.text) << "round " << round;
    ASSERT_EQ(budget_.used(), 0U);
    ASSERT_EQ(counters_.of(Counter::kOverlapConflicts) + counters_.of(Counter::kLostBytes), 0U);
  }
}

// What the receiver acknowledges comes out with exactly the bytes missing that were never seen.
TEST_F(PropertyTest, WhatIsMissingIsAGapOfItsSize) {
  Random random(20300102);
  for (int round = 0; round < 150; ++round) {
    const Conversation talk = conversation(random);
    add(test::TcpScript(talk.options).handshake().segments());
    auto parts = cut(random, talk.text.size() - 1);
    shuffle_nearby(random, parts, up_to(random, 40));
    std::string seen(talk.text.size(), '\0');
    for (const Part& part : parts) {
      if (random() % 4 == 0) continue;
      std::fill_n(seen.begin() + static_cast<std::ptrdiff_t>(part.begin), part.size, '\1');
      send(talk, part);
    }
    seen.back() = '\1';
    send(talk, {talk.text.size() - 1, 1});
    acknowledge(talk, talk.text.size());
    std::string expected;
    for (std::size_t at = 0, end = 0; at < seen.size(); at = end) {
      end = std::min(seen.find(seen[at] == '\1' ? '\0' : '\1', at), seen.size());
      expected += seen[at] == '\1' ? talk.text.substr(at, end - at) : "[" + std::to_string(end - at) + "]";
    }
    ASSERT_EQ(owner_.connections.back()->client(), expected) << "round " << round;
  }
}

// Both directions at once, with acknowledgements as a receiver sends them: nothing is given up that is only late.
TEST_F(PropertyTest, AcknowledgementsOfARealReceiverGiveNothingUp) {
  Random random(20300103);
  for (int round = 0; round < 100; ++round) {
    const Conversation talk = conversation(random);
    add(test::TcpScript(talk.options).handshake().segments());
    auto parts = cut(random, talk.text.size());
    shuffle_nearby(random, parts, up_to(random, 20));
    std::string seen(talk.text.size(), '\0');
    for (const Part& part : parts) {
      std::fill_n(seen.begin() + static_cast<std::ptrdiff_t>(part.begin), part.size, '\1');
      send(talk, part);
      acknowledge(talk, std::min(seen.find('\0'), seen.size()));
    }
    ASSERT_EQ(owner_.connections.back()->client(), talk.text) << "round " << round;
  }
}

}  // namespace
}  // namespace tidegate::inspect
