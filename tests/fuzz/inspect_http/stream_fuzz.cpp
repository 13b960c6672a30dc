// SPDX-License-Identifier: Apache-2.0
// Both directions of a connection, HTTP/1 or HTTP/2, with loss and ends anywhere. It must not crash, memory must come
// back, each request must be finished once; and without loss, it must not matter how the bytes are cut.
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

// The first byte says what is known of the connection; then, again and again: what happens, a length, as many bytes.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  // False: the conversation had loss in it.
  bool play(HttpStream& stream, std::size_t piece) {
    bool lossless = true;
    for (int i = 0; !rest_.empty(); ++i) {
      const unsigned what = take();
      const std::size_t size = take();
      const std::string_view bytes = rest_.substr(0, size);
      rest_.remove_prefix(bytes.size());
      const auto direction = static_cast<Direction>(what & 1);
      const auto time = tidegate::WallTime(std::chrono::milliseconds(i));
      if (ended_[what & 1]) continue;
      if ((what & 0xf0) == 0xf0) {
        lossless = false;
        stream.gap(direction, size, time);
      } else if ((what & 0xf0) == 0xe0) {
        ended_[what & 1] = true;
        stream.end(direction, static_cast<StreamEnd>((what >> 1) % 3), time);
      } else {
        feed(stream, direction, bytes, time, piece);
      }
    }
    return lossless;
  }
  unsigned take() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

 private:
  static void feed(HttpStream& stream, Direction direction, std::string_view bytes, tidegate::WallTime time,
                   std::size_t piece) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      const std::string_view part = bytes.substr(0, piece);
      if (piece == 1 && stream.ignores(direction) > 0) {
        stream.skipped(direction, 1, time);
      } else {
        stream.data(direction, std::as_bytes(std::span(part.data(), part.size())), time);
      }
    }
  }

  std::string_view rest_;
  bool ended_[2] = {};
};

struct Outcome {
  std::string text;
  bool lossless = true;
};

Outcome run(const Settings& settings, const std::uint8_t* data, std::size_t size, std::size_t piece) {
  Sink sink;
  MemoryBudget budget(4 << 20);
  Counters counters;
  Outcome outcome;
  {
    const HttpContextPtr context =
        make_http_context({.header_bytes = 512, .streams = 4, .identity_body = 64}, settings, sink, budget, counters);
    Script script(data, size);
    const unsigned known = script.take();
    ConnectionFacts facts;
    facts.flow.client.address = *tidegate::Address::parse("192.0.2.1");
    if ((known & 1) != 0) facts.alpn = "h2";
    const auto stream = make_http_stream(*context, facts, (known & 2) != 0);
    outcome.lossless = script.play(*stream, piece);
  }
  if (budget.used() != 0 || sink.began_count != sink.finished_count) std::abort();
  // What is malformed in one direction ends what the other one is in the middle of, wherever that is.
  outcome.lossless &= counters.of(Counter::kMalformedHttp) == 0;
  outcome.text = sink.text;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Settings settings = curious();
  const Outcome whole = run(settings, data, size, std::string::npos);
  const Outcome pieces = run(settings, data, size, 1);
  if (whole.lossless && whole.text != pieces.text) {
    std::fprintf(stderr, "whole:\n%spieces:\n%s", whole.text.c_str(), pieces.text.c_str());
    std::abort();
  }
  return 0;
}
