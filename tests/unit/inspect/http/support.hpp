// SPDX-License-Identifier: Apache-2.0
// Conversations as scripts, fed to a stream in every way in which bytes may come.
#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/http/http_stream.hpp"

namespace tidegate::inspect::test {

inline constexpr Direction kClient = Direction::kToServer;  // what the client says
inline constexpr Direction kServer = Direction::kToClient;

inline WallTime at_ms(std::int64_t ms) {
  return WallTime(std::chrono::seconds(1'900'000'000)) + std::chrono::milliseconds(ms);
}
inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

// One thing that a side does; steps are a millisecond apart.
struct Step {
  enum class Kind { kData, kGap, kEnd };
  Direction direction = kClient;
  std::string bytes;
  Kind kind = Kind::kData;
  std::uint64_t size = 0;  // of a gap
  StreamEnd how = StreamEnd::kFinished;
};
using Script = std::vector<Step>;

inline Step says(Direction direction, std::string bytes) { return {direction, std::move(bytes)}; }
inline Step loses(Direction direction, std::uint64_t size) { return {direction, {}, Step::Kind::kGap, size}; }
inline Step ends(Direction direction, StreamEnd how = StreamEnd::kFinished) {
  return {direction, {}, Step::Kind::kEnd, 0, how};
}

// How a script is brought.
enum class Order { kAsItIs, kClientFirst, kServerFirst };

struct Scene {
  Settings settings;
  ConnectionFacts facts = default_facts();
  HttpLimits limits;
  std::uint64_t budget = 64 << 20;
  bool mid_stream = false;
  bool skips = false;  // leave out what the stream ignores

  static ConnectionFacts default_facts();
};

class Collector final : public SummarySink {
 public:
  std::uint64_t began() override { return ++began_; }
  void finished(const Summary& summary) override;
  std::vector<Summary> summaries;  // in the order in which the requests began
  std::uint64_t began_count() const { return began_; }
  bool keep = true;
  std::uint64_t finished_count = 0;
  std::uint64_t resets = 0;

 private:
  std::uint64_t began_ = 0;
};

// A stream with everything around it.
struct Bench {
  explicit Bench(Scene scene_ = {});
  void play(const Script& script);
  void feed(Direction direction, std::string_view bytes, WallTime time);

  Scene scene;
  MemoryBudget budget;
  Counters counters;
  Collector sink;
  HttpContextPtr context;
  std::unique_ptr<HttpStream> stream;
  std::uint64_t skipped = 0;
};

struct Result {
  std::vector<Summary> summaries;
  Counters counters;
  std::uint64_t skipped = 0;
};

// Each step whole. The stream is destroyed at the end; fails the test if memory is still charged or a request was not
// finished exactly once.
Result run(const Script& script, const Scene& scene = {});
// The same with steps cut into pieces of at most `piece` bytes, in that order.
Result run_in_pieces(const Script& script, std::size_t piece, Order order, const Scene& scene = {});
// Each step cut in two, everywhere; in pieces of 1 to 7 bytes; and with each direction ahead of the other one: fails
// the test unless all give what `run` gives. Returns that.
Result run_every_way(const Script& script, const Scene& scene = {});

// Everything in it that a person may read.
std::string to_text(const Summary& summary);

}  // namespace tidegate::inspect::test

namespace tidegate::inspect {
inline void PrintTo(const Summary& summary, std::ostream* out) { *out << test::to_text(summary); }
}  // namespace tidegate::inspect
