// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_store.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "agent/inspect/keys/key_line.hpp"
#include "agent/inspect/keys/key_slots.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kArrivalsKept = 8192;
constexpr std::size_t kExpiredPerLine = 4;
constexpr std::size_t kExpiredPerCall = 1024;

}  // namespace

Secret::~Secret() {
  if (size != 0) OPENSSL_cleanse(bytes.data(), bytes.size());
}

struct KeyStore::State {
  State(const Limits& limits, const Clock& its_clock)
      : clock(its_clock), locked(false), slots(limits), arrivals(kArrivalsKept) {
    locked = slots.locked();
  }

  const Clock& clock;
  bool locked;
  std::mutex mutex;
  KeySlots slots;
  std::vector<Arrival> arrivals;      // a ring; [n % size] is the n-th ever
  std::atomic<std::uint64_t> end{0};  // number of arrivals ever
};

KeyStore::KeyStore(const Limits& limits, const Clock& clock) : state_(std::make_unique<State>(limits, clock)) {}
KeyStore::~KeyStore() = default;

bool KeyStore::add_line(std::string_view text, Counters& counters) {
  const KeyLine line = read_key_line(text);
  if (line.what == KeyLine::What::kDropped) counters.add(Counter::kKeySourceDropped, line.dropped);
  if (line.what == KeyLine::What::kMalformed) counters.add(Counter::kKeysMalformed);
  if (line.what != KeyLine::What::kSecret) return line.what != KeyLine::What::kMalformed;
  const std::lock_guard lock(state_->mutex);
  const MonotonicTime now = state_->clock.monotonic();
  state_->slots.expire(now, kExpiredPerLine);
  if (state_->slots.add(line, now)) counters.add(Counter::kKeysEvicted);
  const std::uint64_t end = state_->end.load(std::memory_order_relaxed);
  state_->arrivals[end % kArrivalsKept] = {line.random, line.flow};
  state_->end.store(end + 1, std::memory_order_release);
  counters.add(Counter::kKeysAccepted);
  return true;
}

std::optional<SessionSecrets> KeyStore::find(const ClientRandom& random) const {
  const std::lock_guard lock(state_->mutex);
  const SessionSecrets* found = state_->slots.find(random, state_->clock.monotonic());
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<SessionSecrets> KeyStore::find(const Flow& flow) const {
  const std::lock_guard lock(state_->mutex);
  const SessionSecrets* found = state_->slots.find(flow, state_->clock.monotonic());
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<SessionSecrets> KeyStore::find(const ClientRandom& random, const Flow& flow, std::size_t rank) const {
  const std::lock_guard lock(state_->mutex);
  const SessionSecrets* found = state_->slots.find(random, flow, rank, state_->clock.monotonic());
  return found == nullptr ? std::nullopt : std::optional(*found);
}

void KeyStore::forget(const SessionSecrets& read) {
  const std::lock_guard lock(state_->mutex);
  state_->slots.mark_used(read, state_->clock.monotonic());
}

void KeyStore::expire() {
  const std::lock_guard lock(state_->mutex);
  state_->slots.expire(state_->clock.monotonic(), kExpiredPerCall);
}

std::optional<std::vector<KeyStore::Arrival>> KeyStore::arrived(std::uint64_t& cursor) const {
  std::vector<Arrival> result;
  if (state_->end.load(std::memory_order_acquire) == cursor) return result;
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t end = state_->end.load(std::memory_order_relaxed);
  const std::uint64_t from = std::min(cursor, end);
  cursor = end;
  if (end - from > kArrivalsKept) return std::nullopt;
  result.reserve(end - from);
  for (std::uint64_t i = from; i < end; ++i) result.push_back(state_->arrivals[i % kArrivalsKept]);
  return result;
}

std::size_t KeyStore::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->slots.size();
}

bool KeyStore::locked() const { return state_->locked; }

}  // namespace tidegate::inspect
