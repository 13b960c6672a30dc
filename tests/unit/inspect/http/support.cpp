// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspect/http/support.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tidegate::inspect::test {
namespace {

std::string hex(const std::optional<IdentityHash>& hash) {
  std::string text;
  if (!hash) return "-";
  for (const std::byte byte : *hash) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

// Whole steps become pieces, each with the time of its step.
struct Piece {
  Step step;
  WallTime time;
};
std::vector<Piece> pieces_of(const Script& script, const std::function<std::size_t(std::size_t, std::size_t)>& next) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const WallTime time = at_ms(static_cast<std::int64_t>(i));
    if (script[i].kind != Step::Kind::kData) {
      pieces.push_back({script[i], time});
      continue;
    }
    const std::string& bytes = script[i].bytes;
    for (std::size_t from = 0; from < bytes.size();) {
      const std::size_t size = std::min(next(i, from), bytes.size() - from);
      pieces.push_back({says(script[i].direction, bytes.substr(from, size)), time});
      from += size;
    }
  }
  return pieces;
}

void put_in_order(std::vector<Piece>& pieces, Order order) {
  if (order == Order::kAsItIs) return;
  const Direction first = order == Order::kClientFirst ? kClient : kServer;
  std::ranges::stable_partition(pieces, [first](const Piece& piece) { return piece.step.direction == first; });
}

Result play_pieces(const std::vector<Piece>& pieces, const Scene& scene) {
  Bench bench(scene);
  for (const auto& [step, time] : pieces) {
    if (step.kind == Step::Kind::kData) {
      bench.feed(step.direction, step.bytes, time);
    } else if (step.kind == Step::Kind::kGap) {
      bench.stream->gap(step.direction, step.size, time);
    } else {
      bench.stream->end(step.direction, step.how, time);
    }
  }
  bench.stream.reset();
  EXPECT_EQ(bench.budget.used(), 0U) << "memory was taken and not given back";
  EXPECT_EQ(bench.sink.began_count(), bench.sink.finished_count) << "a request was not finished exactly once";
  EXPECT_EQ(bench.counters.of(Counter::kRequests), bench.sink.finished_count);
  return {bench.sink.summaries, bench.counters, bench.skipped};
}

std::string text_of_all(const Result& result) {
  std::string text;
  for (const Summary& summary : result.summaries) text += to_text(summary) + "\n";
  for (const Counter counter : {Counter::kNotHttp, Counter::kMalformedHttp, Counter::kRequestsUnfinished,
                                Counter::kHeadersTooLarge, Counter::kAmbiguousLength, Counter::kStreamResets}) {
    text += fmt::format("{} {}\n", inspect::text_of(counter).name, result.counters.of(counter));
  }
  return text;
}

}  // namespace

ConnectionFacts Scene::default_facts() {
  ConnectionFacts facts;
  facts.flow.client = {*Address::parse("203.0.113.7"), 40000};
  facts.flow.server = {*Address::parse("192.0.2.1"), 443};
  return facts;
}

void Collector::finished(const Summary& summary) {
  ++finished_count;
  if (summary.reset) ++resets;
  if (!keep) return;
  const auto later = std::ranges::upper_bound(summaries, summary.sequence, {}, &Summary::sequence);
  summaries.insert(later, summary);
}

Bench::Bench(Scene scene_)
    : scene(std::move(scene_)),
      budget(scene.budget),
      context(make_http_context(scene.limits, scene.settings, sink, budget, counters)),
      stream(make_http_stream(*context, scene.facts, scene.mid_stream)) {}

void Bench::feed(Direction direction, std::string_view bytes, WallTime time) {
  while (!bytes.empty()) {
    const std::uint64_t ignored = scene.skips ? stream->ignores(direction) : 0;
    const std::size_t size = std::min<std::uint64_t>(ignored, bytes.size());
    if (size > 0) {
      stream->skipped(direction, size, time);
      skipped += size;
      bytes.remove_prefix(size);
      continue;
    }
    // With skipping, the sink is asked again after each byte.
    const std::size_t piece = scene.skips ? 1 : bytes.size();
    stream->data(direction, bytes_of(bytes.substr(0, piece)), time);
    bytes.remove_prefix(piece);
  }
}

void Bench::play(const Script& script) {
  for (std::size_t i = 0; i < script.size(); ++i) {
    feed(script[i].direction, script[i].bytes, at_ms(static_cast<std::int64_t>(i)));
  }
}

Result run(const Script& script, const Scene& scene) {
  return run_in_pieces(script, std::string::npos, Order::kAsItIs, scene);
}

Result run_in_pieces(const Script& script, std::size_t piece, Order order, const Scene& scene) {
  auto pieces = pieces_of(script, [piece](std::size_t, std::size_t) { return piece; });
  put_in_order(pieces, order);
  return play_pieces(pieces, scene);
}

Result run_every_way(const Script& script, const Scene& scene) {
  Result whole = run(script, scene);
  const std::string expected = text_of_all(whole);
  for (const Order order : {Order::kAsItIs, Order::kClientFirst, Order::kServerFirst}) {
    for (const std::size_t piece :
         {std::string::npos, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
      EXPECT_EQ(text_of_all(run_in_pieces(script, piece, order, scene)), expected)
          << "pieces of " << piece << ", order " << static_cast<int>(order);
    }
  }
  for (std::size_t i = 0; i < script.size(); ++i) {
    for (std::size_t cut = 1; cut < script[i].bytes.size(); ++cut) {
      const auto pieces = pieces_of(
          script, [&](std::size_t step, std::size_t from) { return step == i && from == 0 ? cut : std::string::npos; });
      EXPECT_EQ(text_of_all(play_pieces(pieces, scene)), expected) << "step " << i << " cut at " << cut;
    }
  }
  Scene skipping = scene;
  skipping.skips = true;
  const Result skipped = run(script, skipping);
  EXPECT_EQ(text_of_all(skipped), expected) << "with skipping";
  whole.skipped = skipped.skipped;
  return whole;
}

std::string to_text(const Summary& s) {
  std::string keys;
  for (const std::string& key : s.query_keys) keys += key + ",";
  const auto number = [](const auto& value) { return value ? fmt::format("{}", *value) : std::string("-"); };
  std::string text = fmt::format(
      "#{} began {} took {} client {} sni {} service {} proxied {} http {} {} host {} path {} template {} keys {} "
      "status {} grpc {} bytes {}/{} agent {} session {} account {}{}{}{}",
      s.sequence, s.began.time_since_epoch().count(), s.duration.count(), s.connection.flow.client.address.to_string(),
      s.connection.sni, s.service, s.proxied ? s.proxied->to_string() : "-", static_cast<int>(s.http), s.method, s.host,
      s.path, s.path_template, keys, number(s.status), number(s.grpc_status), s.request_bytes, s.response_bytes,
      s.user_agent, hex(s.session), hex(s.account), s.truncated ? " truncated" : "", s.lossy ? " lossy" : "",
      s.reset ? " reset" : "");
  if (s.websocket) {
    text += fmt::format(" websocket {}/{} {}/{}", s.websocket->client_frames, s.websocket->server_frames,
                        s.websocket->client_bytes, s.websocket->server_bytes);
  }
  return text;
}

}  // namespace tidegate::inspect::test
