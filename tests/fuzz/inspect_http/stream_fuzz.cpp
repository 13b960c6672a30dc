// SPDX-License-Identifier: Apache-2.0
// Both directions of a connection, HTTP/1 or HTTP/2, with loss and ends anywhere. It must not crash, memory must come
// back, each request must be finished once; and without loss, it must not matter how the bytes are cut, nor which
// direction comes first.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/http/http_stream.hpp"

namespace {

using namespace tidegate::inspect;

class Sink final : public SummarySink {
 public:
  std::uint64_t began() override { return ++began_count; }
  void finished(const Summary& summary) override {
    ++finished_count;
    text += std::to_string(summary.sequence) + summary.method + ' ' + summary.host + summary.path + ' ' +
            std::to_string(summary.status.value_or(0)) + ' ' + std::to_string(summary.request_bytes) + ' ' +
            std::to_string(summary.response_bytes) + (summary.session ? " s" : "") + (summary.account ? " a" : "") +
            (summary.lossy ? " lossy" : "") + '\n';
  }
  std::uint64_t began_count = 0;
  std::uint64_t finished_count = 0;
  std::string text;
};

Settings curious() {
  InspectedService service;
  service.name = "s";
  service.session = IdentityField{IdentityField::Where::kCookie, "sid"};
  service.account = IdentityField{IdentityField::Where::kJson, "/u"};
  Settings settings;
  settings.services = {service};
  settings.trusted_proxies = {*tidegate::Prefix::parse("192.0.2.0/24")};
  return settings;
}

struct Step {
  enum class Kind { kData, kGap, kEnd } kind = Kind::kData;
  Direction direction = Direction::kToServer;
  std::string_view bytes;
  std::uint64_t size = 0;
  StreamEnd how = StreamEnd::kFinished;
  tidegate::WallTime time;
};

// The first byte says what is known of the connection; then, again and again: what happens, a length, as many bytes.
struct Script {
  unsigned known = 0;
  std::vector<Step> steps;
  bool whole = true;  // no loss, and no end but the last thing

  explicit Script(std::string_view rest) {
    const auto take = [&rest] {
      const unsigned value = rest.empty() ? 0 : static_cast<unsigned char>(rest.front());
      rest.remove_prefix(rest.empty() ? 0 : 1);
      return value;
    };
    known = take();
    bool ended[2] = {};
    for (int i = 0; !rest.empty(); ++i) {
      const unsigned what = take();
      Step step{.direction = static_cast<Direction>(what & 1), .size = take()};
      step.time = tidegate::WallTime(std::chrono::milliseconds(i));
      step.bytes = rest.substr(0, step.size);
      step.how = static_cast<StreamEnd>((what >> 1) % 3);
      step.kind = what >= 0xf0 ? Step::Kind::kGap : what >= 0xe0 ? Step::Kind::kEnd : Step::Kind::kData;
      rest.remove_prefix(step.bytes.size());
      whole &= step.kind == Step::Kind::kData;
      if (ended[what & 1]) continue;
      ended[what & 1] = step.kind == Step::Kind::kEnd;
      steps.push_back(step);
    }
  }
};

void feed(HttpStream& stream, const Step& step, std::size_t piece) {
  for (std::string_view bytes = step.bytes; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const std::string_view part = bytes.substr(0, piece);
    if (piece == 1 && stream.ignores(step.direction) > 0) {
      stream.skipped(step.direction, 1, step.time);
    } else {
      stream.data(step.direction, std::as_bytes(std::span(part.data(), part.size())), step.time);
    }
  }
}

void play(HttpStream& stream, const std::vector<Step>& steps, std::size_t piece) {
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::kGap) {
      stream.gap(step.direction, step.size, step.time);
    } else if (step.kind == Step::Kind::kEnd) {
      stream.end(step.direction, step.how, step.time);
    } else {
      feed(stream, step, piece);
    }
  }
}

struct Outcome {
  std::string text;
  bool orderly = true;  // nothing was given up, so that neither pieces nor order may matter
};

Outcome run(const Script& script, const std::vector<Step>& steps, std::size_t piece) {
  static const Settings settings = curious();
  Sink sink;
  MemoryBudget budget(4 << 20);
  Counters counters;
  {
    const HttpLimits limits{.header_bytes = 512, .streams = 4, .identity_body = 64};
    const HttpContextPtr context = make_http_context(limits, settings, sink, budget, counters);
    ConnectionFacts facts;
    facts.flow.client.address = *tidegate::Address::parse("192.0.2.1");
    if ((script.known & 1) != 0) facts.alpn = "h2";
    const auto stream = make_http_stream(*context, facts, (script.known & 2) != 0);
    play(*stream, steps, piece);
  }
  if (budget.used() != 0 || sink.began_count != sink.finished_count) std::abort();
  return {sink.text, counters.of(Counter::kMalformedHttp) == 0 && counters.of(Counter::kTooManyStreams) == 0 &&
                         counters.of(Counter::kStreamResets) == 0};
}

void expect_same(const Outcome& one, const Outcome& other) {
  if (!one.orderly || !other.orderly || one.text == other.text) return;
  std::fprintf(stderr, "one:\n%sother:\n%s", one.text.c_str(), other.text.c_str());
  std::abort();
}

// One direction wholly before the other, as late keys do it.
std::vector<Step> with_first(const std::vector<Step>& steps, Direction first) {
  std::vector<Step> sorted = steps;
  std::ranges::stable_partition(sorted, [first](const Step& step) { return step.direction == first; });
  return sorted;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Script script(std::string_view(reinterpret_cast<const char*>(data), size));
  const Outcome whole = run(script, script.steps, std::string::npos);
  const Outcome pieces = run(script, script.steps, 1);
  if (!script.whole) return 0;
  expect_same(whole, pieces);
  if ((script.known & 2) != 0) return 0;  // joined in the middle, order is all there is to go by
  expect_same(whole, run(script, with_first(script.steps, Direction::kToServer), std::string::npos));
  expect_same(whole, run(script, with_first(script.steps, Direction::kToClient), std::string::npos));
  return 0;
}
