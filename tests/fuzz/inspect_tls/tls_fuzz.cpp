// SPDX-License-Identifier: Apache-2.0
// TLS as an attacker may send it. Either raw bytes, or a real connection whose keys are known and whose bytes were
// changed, lost, doubled or cut: nothing crashes, the reader is told only what the contract allows, no plaintext comes
// out that was not said, and all memory is given back.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "agent/inspect/tls/hello.hpp"
#include "tests/unit/inspect/tls/feed.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::inspect;
using namespace tidegate::inspect::test;

void require(bool condition) {
  if (!condition) std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ == size_; }
  unsigned byte() { return empty() ? 0 : data_[at_++]; }
  std::size_t number() { return byte() << 8 | byte(); }
  std::string text(std::size_t size) {
    size = std::min(size, size_ - at_);
    at_ += size;
    return {reinterpret_cast<const char*>(data_) + at_ - size, size};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

void talk(Peers& peers) {
  for (const std::size_t size : {10UL, 300UL, 5000UL}) {
    peers.say(Direction::kToServer, std::string(size, 'q'));
    peers.say(Direction::kToClient, std::string(size * 2, 'a'));
  }
}

Transcript plain(int version, const char* suites) {
  Peers peers({.version = version, .suites = suites});
  peers.connect();
  require(peers.handshake());
  talk(peers);
  peers.close();
  return peers.transcript();
}

Transcript renegotiated() {
  Peers peers({.version = TLS1_2_VERSION, .configure = [](SSL_CTX*, SSL_CTX* server) {
                 SSL_CTX_set_options(server, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
               }});
  peers.connect();
  require(peers.handshake());
  talk(peers);
  require(peers.renegotiate());
  talk(peers);
  return peers.transcript();
}

Transcript with_early_data() {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) {
    SSL_CTX_set_max_early_data(client, 16384);
    SSL_CTX_set_max_early_data(server, 16384);
    SSL_CTX_set_options(server, SSL_OP_NO_ANTI_REPLAY);
  }});
  peers.connect();
  require(peers.handshake());
  talk(peers);
  peers.close();
  peers.connect(true);
  require(peers.handshake("early"));
  talk(peers);
  peers.update_key(Direction::kToServer, true);
  talk(peers);
  return peers.transcript();
}

const std::vector<Transcript>& transcripts() {
  static const std::vector<Transcript> all{plain(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"),
                                           plain(TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"),
                                           plain(TLS1_3_VERSION, "TLS_AES_128_CCM_8_SHA256"),
                                           plain(TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384"),
                                           plain(TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256"),
                                           plain(TLS1_VERSION, "AES256-SHA"),
                                           renegotiated(),
                                           with_early_data()};
  return all;
}

// What is done with a connection, by the first bytes of the input.
struct Plan {
  explicit Plan(Input& input) {
    const unsigned flags = input.byte();
    mid_stream = (flags & 1) != 0;
    late = (flags & 2) != 0;
    partial = (flags & 4) != 0;
    impatient = (flags & 8) != 0;
    ignoring = (flags & 16) != 0;
    small_budget = (flags & 32) != 0;
    small_wait = (flags & 64) != 0;
    extended = (flags & 128) != 0;
    step = input.byte();
  }
  bool mid_stream, late, partial, impatient, ignoring, small_budget, small_wait, extended;
  std::size_t step;

  TlsLimits limits() const {
    return {.waiting_bytes = small_wait ? 4096U : 512U << 10, .key_wait = std::chrono::seconds(impatient ? 0 : 5)};
  }
};

void add_keys(Bench& bench, const Plan& plan, const Transcript& transcript) {
  bench.add_keys(transcript, plan.partial ? "SERVER" : "", plan.extended ? Bench::extension(0x1301) : "");
}

void feed(Bench& bench, TlsStream& stream, const Plan& plan, Direction direction, const std::string& bytes) {
  const std::size_t step = plan.step == 0 ? std::max<std::size_t>(bytes.size(), 1) : plan.step * 8;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (plan.ignoring) bench.reader.ignored[index_of(direction)] = 4000;
    stream.data(direction, bytes_of(bytes).subspan(at, std::min(step, bytes.size() - at)), bench.now);
  }
  bench.now += std::chrono::milliseconds(100);
}

void finish(Bench& bench, std::unique_ptr<TlsStream> stream, const Plan& plan, const Transcript& transcript) {
  if (plan.late) {
    add_keys(bench, plan, transcript);
    stream->keys_arrived(bench.now);
  }
  stream->end(Direction::kToServer, StreamEnd::kFinished, bench.now);
  if (plan.impatient) stream->tick(bench.now + std::chrono::seconds(6));
  stream->end(Direction::kToClient, plan.mid_stream ? StreamEnd::kEvicted : StreamEnd::kFinished, bench.now);
  stream.reset();
  require(bench.budget.used() == 0);
  require(!bench.reader.misused);
  require(bench.counters.of(Counter::kNoKey) <= 1 && bench.counters.of(Counter::kDecrypted) <= 1);
}

// Changes to the pieces of a connection: 0 nothing, 1 a bit, 2 cut off, 3 lost, 4 doubled, 5 other bytes in its place,
// 6 a hole inside, 7 other bytes before it.
void play(Bench& bench, TlsStream& stream, const Plan& plan, const Transcript& transcript, Input& input,
          bool& changed) {
  for (const Piece& piece : transcript.pieces) {
    const unsigned what = input.byte();
    std::string bytes = piece.bytes;
    changed = changed || what % 8 != 0;
    if (what % 8 == 1) bytes[input.number() % bytes.size()] ^= static_cast<char>(1 << (what >> 5));
    if (what % 8 == 2) bytes.resize(input.number() % bytes.size());
    if (what % 8 == 3) {
      stream.gap(piece.direction, (what & 8) != 0 ? 0 : bytes.size(), bench.now);
      continue;
    }
    if (what % 8 == 4) bytes += bytes;
    if (what % 8 == 5) bytes = input.text(input.byte());
    if (what % 8 == 6) {
      const std::size_t from = input.number() % bytes.size();
      const std::size_t size = std::min(input.number() + 1, bytes.size() - from);
      feed(bench, stream, plan, piece.direction, bytes.substr(0, from));
      stream.gap(piece.direction, size, bench.now);
      bytes.erase(0, from + size);
    }
    if (what % 8 == 7) bytes.insert(0, input.text(input.byte()));
    feed(bench, stream, plan, piece.direction, bytes);
  }
}

void play_changed(Input& input, const Transcript& transcript) {
  const Plan plan(input);
  Bench bench(plan.limits(), plan.small_budget ? 20'000 : 4 << 20);
  if (!plan.late) add_keys(bench, plan, transcript);
  auto stream = bench.stream(plan.mid_stream);
  bool changed = false;
  play(bench, *stream, plan, transcript, input, changed);
  finish(bench, std::move(stream), plan, transcript);
  // Every record is authenticated. Where bytes are missing or passed over, only the length can be said.
  const bool complete = !plan.mid_stream && !plan.partial && !plan.ignoring;
  for (const std::size_t i : {0UL, 1UL}) {
    const std::string& heard = bench.reader.heard[i];
    const bool given_up = plan.small_budget || bench.counters.of(Counter::kNoKey) != 0;  // too much, or too slow
    if (complete && !changed && !given_up) require(heard == transcript.said[i]);
    if (complete && bench.reader.gaps[i].empty()) require(transcript.said[i].find(heard) != std::string::npos);
  }
}

void play_raw(Input& input) {
  const Plan plan(input);
  Bench bench(plan.limits(), plan.small_budget ? 20'000 : 4 << 20);
  auto stream = bench.stream(plan.mid_stream);
  while (!input.empty()) {
    const unsigned what = input.byte();
    const Direction direction = (what & 1) != 0 ? Direction::kToServer : Direction::kToClient;
    if ((what & 0xf0) == 0xf0) stream->gap(direction, what & 0xf, bench.now);
    feed(bench, *stream, plan, direction, input.text(input.number() % 1024));
  }
  finish(bench, std::move(stream), plan, transcripts()[0]);
}

void read_hellos(Input& input) {
  const std::string text = input.text(1 << 16);
  if (const auto hello = read_client_hello(bytes_of(text)); hello) {
    require(hello->ja4.size() == 36 && hello->sni.size() <= 255 && hello->alpn.size() <= 255);
  }
  (void)read_server_hello(bytes_of(text));
  (void)read_encrypted_extensions(bytes_of(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const unsigned kind = input.byte() % (transcripts().size() + 2);
  if (kind == transcripts().size()) {
    play_raw(input);
  } else if (kind == transcripts().size() + 1) {
    read_hellos(input);
  } else {
    play_changed(input, transcripts()[kind]);
  }
  return 0;
}
