// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/engine.hpp"

#include <sys/random.h>

#include <algorithm>
#include <random>

#include "agent/inspect/engine/admission.hpp"
#include "agent/inspect/engine/conversation.hpp"
#include "agent/inspect/engine/lingering.hpp"
#include "agent/inspect/engine/waiting.hpp"
#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenTicks{20};      // by the time of packets
constexpr milliseconds kBetweenTimeouts{100};  // of those that wait for keys
constexpr milliseconds kBetweenExpiries{500};
constexpr std::chrono::seconds kIdleWhenTight{30};  // instead of the table's own bound
constexpr std::chrono::seconds kUnprovenWhenTight{2};
constexpr double kTight = 0.7;  // below what SheddingControl calls low: what was shed for lack of memory comes back

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof seed)) return seed;
  return std::random_device{}();
}

// True once for each `period`. A clock that was set back does not stop it; packets that are a little out of order do
// not set it off.
class Every {
 public:
  explicit Every(milliseconds period) : period_(period) {}
  bool is_due(WallTime now) {
    if (now - last_ < period_ && last_ - now < period_) return false;
    last_ = now;
    return true;
  }

 private:
  milliseconds period_;
  WallTime last_{};
};

}  // namespace

struct Engine::State final : ConnectionOwner {
  State(const Settings& settings, KeyStore& key_store, SummarySink& sink, const EngineLimits& limits)
      : budget(settings.memory_bytes),
        keys(key_store),
        waiting(random_seed()),
        tls(make_tls_context(limits.tls, key_store, budget, counters)),
        http(make_http_context(limits.http, settings, sink, budget, counters)),
        shared{admission, *tls, *http, waiting, deadlines, budget, counters},
        sooner(std::max(limits.tcp.idle - kIdleWhenTight, std::chrono::seconds(0))),
        table(limits.tcp, *this, budget, counters) {
    admission.set_settings(settings);
  }

  bool is_server(const Endpoint& endpoint) const override { return admission.is_server(endpoint); }
  std::unique_ptr<StreamSink> open(const Flow& flow, bool mid_stream, WallTime time) override;
  void take_keys(WallTime now);
  void tick(WallTime now);
  void expire(WallTime now);
  bool is_tight() const;

  Counters counters;
  MemoryBudget budget;
  Admission admission;
  KeyStore& keys;
  std::uint64_t keys_seen = 0;
  WaitingFlows waiting;
  Deadlines deadlines;
  TlsContextPtr tls;
  HttpContextPtr http;
  Shared shared;
  Lingering lingering;
  std::chrono::seconds sooner;  // that they are forgotten
  ConnectionTable table;        // last: its connections use everything above
  Every tick_due{kBetweenTicks};
  Every timeouts_due{kBetweenTimeouts};
  Every expiry_due{kBetweenExpiries};
};

std::unique_ptr<StreamSink> Engine::State::open(const Flow& flow, bool mid_stream, WallTime) {
  switch (admission.judge(flow, mid_stream)) {
    case Admitted::kYes:
      break;
    case Admitted::kNotWanted:
      return nullptr;
    case Admitted::kShed:
      counters.add(Counter::kShedFlows);
      return nullptr;
  }
  if (!budget.take(Conversation::kCost)) {
    counters.add(Counter::kEvictedMemory);
    return nullptr;
  }
  return std::make_unique<Seat>(std::make_unique<Conversation>(shared, flow, mid_stream), lingering);
}

void Engine::State::take_keys(WallTime now) {
  const auto arrivals = keys.arrived(keys_seen);
  if (!arrivals) waiting.everything_may_have_arrived(now);
  if (arrivals && arrivals->empty()) return;
  for (const KeyStore::Arrival& arrival : arrivals.value_or(std::vector<KeyStore::Arrival>())) {
    waiting.arrived(arrival, now);
  }
  lingering.tidy();
}

void Engine::State::tick(WallTime now) {
  take_keys(now);
  if (timeouts_due.is_due(now)) {
    waiting.time_passed(now);
    lingering.tidy();
  }
  if (expiry_due.is_due(now)) expire(now);
}

// Connections that say nothing must not keep new ones out when memory is short, least of all those that anybody may
// have made up.
void Engine::State::expire(WallTime now) {
  if (!is_tight()) return table.expire(now);
  table.forget_unproven(kUnprovenWhenTight, now);
  table.expire(now + sooner);
}

bool Engine::State::is_tight() const {
  return static_cast<double>(budget.used()) > kTight * static_cast<double>(budget.limit());
}

Engine::Engine(const Settings& settings, KeyStore& keys, SummarySink& sink, const EngineLimits& limits)
    : state_(std::make_unique<State>(settings, keys, sink, limits)) {}

Engine::~Engine() = default;

void Engine::packet(const CapturedFrame& frame) {
  State& state = *state_;
  state.counters.add(Counter::kPackets);
  state.deadlines.advance(frame.time);  // first: what was due before this packet came does not know of it
  Segment segment;
  switch (decode_packet(frame.link, frame.bytes, frame.wire_size, frame.time, segment, frame.checksum)) {
    case PacketKind::kTcp:
      state.table.add(segment);
      break;
    case PacketKind::kOther:
      break;
    case PacketKind::kFragment:
      state.counters.add(Counter::kFragments);
      break;
    case PacketKind::kMalformed:
      state.counters.add(Counter::kMalformedPackets);
      break;
  }
  if (state.tick_due.is_due(frame.time)) state.tick(frame.time);
}

void Engine::tick(WallTime now, bool caught_up) {
  if (caught_up) state_->deadlines.advance(now);
  state_->tick(now);
}

void Engine::finish(WallTime now) {
  state_->take_keys(now);
  state_->table.finish(now);
  state_->lingering.clear();
}

void Engine::set_settings(const Settings& settings) {
  state_->admission.set_settings(settings);
  inspect::set_settings(*state_->http, settings);
}

void Engine::set_shedding(Shedding level, double share_of_new_flows) {
  state_->admission.set_shedding(level, share_of_new_flows);
}

const Counters& Engine::counters() const { return state_->counters; }
Counters& Engine::counters() { return state_->counters; }
std::size_t Engine::connections() const { return state_->table.size(); }
std::size_t Engine::waiting() const { return state_->waiting.size(); }
std::uint64_t Engine::memory_used() const { return state_->budget.used(); }
std::uint64_t Engine::memory_limit() const { return state_->budget.limit(); }

}  // namespace tidegate::inspect
