// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_slots.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "agent/base/siphash.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kMostSessions = 1 << 20;

KeyStore::Limits bounded(KeyStore::Limits limits) {
  limits.sessions = std::clamp<std::size_t>(limits.sessions, 1, kMostSessions);
  return limits;
}

std::size_t buckets_for(std::size_t sessions) { return std::bit_ceil(sessions); }

bool same_secret(const Secret& one, const Secret& other) { return std::ranges::equal(one.view(), other.view()); }

bool share_one(const SessionSecrets& one, const SessionSecrets& other) {
  for (std::size_t kind = 0; kind < kSecretKinds; ++kind) {
    if (one.secrets[kind] && same_secret(one.secrets[kind], other.secrets[kind])) return true;
  }
  return false;
}

}  // namespace

KeySlots::KeySlots(const KeyStore::Limits& limits)
    : limits_(bounded(limits)),
      memory_(limits_.sessions * sizeof(SessionSecrets), limits_.lock),
      index_memory_(limits_.sessions * sizeof(Slot) + 2 * buckets_for(limits_.sessions) * sizeof(Index), false),
      secrets_(memory_.as<SessionSecrets>()) {
  const std::size_t sessions = limits_.sessions;
  const std::size_t buckets = buckets_for(sessions);
  std::byte* at = index_memory_.bytes().data();
  slots_ = {reinterpret_cast<Slot*>(at), sessions};
  at += sessions * sizeof(Slot);
  by_random_ = {reinterpret_cast<Index*>(at), buckets};
  by_flow_ = {reinterpret_cast<Index*>(at) + buckets, buckets};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed_), sizeof(seed_)) != 1) {
    throw std::runtime_error("no random numbers for the key table");
  }
}

std::size_t KeySlots::bucket_of(const ClientRandom& random) const {
  return SipHash(seed_[0], seed_[1]).add(random).value() & (by_random_.size() - 1);
}

std::size_t KeySlots::bucket_of(const Flow& flow) const {
  SipHash hash(seed_[0], seed_[1]);
  hash.add(flow.client.address.hi).add(flow.client.address.lo);
  hash.add(flow.server.address.hi).add(flow.server.address.lo);
  hash.add(static_cast<std::uint64_t>(flow.client.port) << 16 | flow.server.port);
  return hash.value() & (by_flow_.size() - 1);
}

KeySlots::Index KeySlots::alike(Index from, const ClientRandom& random) const {
  while (from != 0 && secrets(from).random != random) from = slot(from).next_by_random;
  return from;
}

bool KeySlots::too_old(Index index, MonotonicTime now) const {
  const Slot& one = slot(index);
  const std::chrono::seconds limit = one.used ? limits_.used : limits_.unused;
  return limits_.unused.count() != 0 && now - one.since >= limit;
}

const SessionSecrets* KeySlots::find(const ClientRandom& random, MonotonicTime now) const {
  const Index index = index_of(random);
  return index == 0 || too_old(index, now) ? nullptr : &secrets(index);
}

const SessionSecrets* KeySlots::find(const Flow& flow, MonotonicTime now) const {
  Index index = by_flow_[bucket_of(flow)];
  while (index != 0 && slot(index).flow != flow) index = slot(index).next_by_flow;
  return index == 0 || too_old(index, now) ? nullptr : &secrets(index);
}

const SessionSecrets* KeySlots::find(const ClientRandom& random, const Flow& flow, std::size_t rank,
                                     MonotonicTime now) const {
  enum class Fit : std::uint8_t { kItsOwn, kUntold, kOthers };
  const auto fit_of = [&](const Slot& one) {
    if (!one.has_flow) return Fit::kUntold;
    return one.flow == flow ? Fit::kItsOwn : Fit::kOthers;
  };
  const Index first = index_of(random);
  for (const Fit fit : {Fit::kItsOwn, Fit::kUntold, Fit::kOthers}) {
    for (Index index = first; index != 0; index = next_alike(index)) {
      if (fit_of(slot(index)) != fit || too_old(index, now)) continue;
      if (rank-- == 0) return &secrets(index);
    }
  }
  return nullptr;
}

// A client may use a random twice. What the line adds to: the session of its flow; or one that has this very secret; or
// the oldest that lacks it and may be meant. 0: none of them.
KeySlots::Index KeySlots::place_for(const KeyLine& line) const {
  Index same = 0;
  Index lacking = 0;
  for (Index index = index_of(line.random); index != 0; index = next_alike(index)) {
    const Slot& one = slot(index);
    if (line.flow && one.has_flow && one.flow == *line.flow) return index;
    if (line.flow && one.has_flow) continue;
    const Secret& known = secrets(index).of(line.kind);
    if (!known) lacking = index;
    if (same == 0 && known && same_secret(known, line.secret)) same = index;
  }
  return same != 0 ? same : lacking;
}

// The one to go first, used ones before others, then the oldest.
KeySlots::Index KeySlots::least_wanted(const ClientRandom& random, std::size_t& count) const {
  Index least = 0;
  for (Index index = index_of(random); index != 0; index = next_alike(index)) {
    ++count;
    if (least == 0 || slot(index).used || !slot(least).used) least = index;
  }
  return least;
}

KeySlots::Index KeySlots::new_place(const ClientRandom& random, bool& evicted_unused) {
  std::size_t count = 0;
  const Index least = least_wanted(random, count);
  if (count >= KeyStore::kMostAlike) {
    evicted_unused = !slot(least).used;
    release(least);
  }
  const Index index = take(evicted_unused);
  secrets(index).random = random;
  Index& head = by_random_[bucket_of(random)];
  slot(index).next_by_random = head;
  head = index;
  return index;
}

bool KeySlots::add(const KeyLine& line, MonotonicTime now) {
  bool evicted_unused = false;
  Index index = place_for(line);
  if (index == 0) {
    index = new_place(line.random, evicted_unused);
  } else {
    unlink(line_of(slot(index)), index);
  }
  Slot& one = slot(index);
  one.since = now;
  one.used = false;
  append(unused_, index);
  secrets(index).secrets[static_cast<std::size_t>(line.kind)] = line.secret;
  if (line.cipher != 0) secrets(index).cipher = line.cipher;
  if (line.flow) set_flow(index, *line.flow);
  return evicted_unused;
}

void KeySlots::mark_used(const SessionSecrets& read, MonotonicTime now) {
  for (Index index = index_of(read.random); index != 0; index = next_alike(index)) {
    if (slot(index).used || !share_one(secrets(index), read)) continue;
    unlink(unused_, index);
    slot(index).used = true;
    slot(index).since = now;
    append(used_, index);
  }
}

void KeySlots::expire(MonotonicTime now, std::size_t most) {
  if (limits_.unused.count() == 0) return;
  for (Line* line : {&used_, &unused_}) {
    for (; most > 0 && line->oldest != 0 && too_old(line->oldest, now); --most) release(line->oldest);
  }
}

KeySlots::Index KeySlots::take(bool& evicted_unused) {
  if (free_ == 0 && untouched_ <= slots_.size()) {
    ++size_;
    return untouched_++;
  }
  if (free_ == 0) {
    evicted_unused = used_.oldest == 0;
    release(evicted_unused ? unused_.oldest : used_.oldest);
  }
  const Index index = free_;
  free_ = slot(index).next_by_random;
  slot(index) = Slot{};
  ++size_;
  return index;
}

void KeySlots::release(Index index) {
  unlink(line_of(slot(index)), index);
  drop_flow(index);
  Index* link = &by_random_[bucket_of(secrets(index).random)];
  while (*link != index) link = &slot(*link).next_by_random;
  *link = slot(index).next_by_random;
  OPENSSL_cleanse(static_cast<void*>(&secrets(index)), sizeof(SessionSecrets));
  slot(index) = Slot{};
  slot(index).next_by_random = free_;
  free_ = index;
  --size_;
}

void KeySlots::set_flow(Index index, const Flow& flow) {
  if (slot(index).has_flow && slot(index).flow == flow) return;
  drop_flow(index);
  Index& head = by_flow_[bucket_of(flow)];  // the newest of a reused port comes first
  slot(index).flow = flow;
  slot(index).has_flow = true;
  slot(index).next_by_flow = head;
  head = index;
}

void KeySlots::drop_flow(Index index) {
  if (!slot(index).has_flow) return;
  Index* link = &by_flow_[bucket_of(slot(index).flow)];
  while (*link != index) link = &slot(*link).next_by_flow;
  *link = slot(index).next_by_flow;
  slot(index).has_flow = false;
}

void KeySlots::append(Line& line, Index index) {
  slot(index).older = line.newest;
  slot(index).newer = 0;
  (line.newest == 0 ? line.oldest : slot(line.newest).newer) = index;
  line.newest = index;
}

void KeySlots::unlink(Line& line, Index index) {
  const Slot& one = slot(index);
  (one.older == 0 ? line.oldest : slot(one.older).newer) = one.newer;
  (one.newer == 0 ? line.newest : slot(one.newer).older) = one.older;
}

}  // namespace tidegate::inspect
