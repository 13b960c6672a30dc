// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_sources.hpp"

#include <openssl/crypto.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "agent/inspect/keys/key_source_io.hpp"
#include "agent/inspect/keys/key_text.hpp"
#include "agent/inspect/keys/locked_memory.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kEventsPerPass = 64;
constexpr std::size_t kReadsPerTurn = 64;  // datagrams, accepted connections
constexpr std::size_t kBytesPerPass = 1 << 20;
constexpr std::int64_t kAcceptCost = 4096;  // bytes of credit: who only connects is held back too
constexpr std::chrono::milliseconds kFileInterval{20};
constexpr std::chrono::milliseconds kLongestWait{1000};
constexpr std::chrono::milliseconds kShortestWait{1};

// Something that is read: a source, or a connection of a listener.
struct Input {
  std::uint32_t source = 0;  // id
  bool connection = false;
  KeySourceKind kind = KeySourceKind::kStream;
  UniqueFd fd;  // none: the place is free
  std::unique_ptr<KeyText> text;
  off_t offset = 0;
  std::int64_t credit = 0;
  MonotonicTime credited{};
  bool resting = false;  // not waited for until it has credit again
};

struct Source {
  KeySourceFigures figures;
  KeySenders allowed;
};

}  // namespace

struct KeySources::State {
  State(KeyStore& its_keys, const KeySourceLimits& its_limits, const Clock& its_clock);

  bool add(std::uint32_t id, KeySourceKind kind, UniqueFd fd, KeySenders allowed);
  void remove(std::uint32_t id);
  void work(Counters& counters);
  std::chrono::milliseconds wait_at_most() const;

  std::size_t free_input() const;
  Source* source_of(std::uint32_t id);
  bool open(std::size_t place, std::uint32_t id, KeySourceKind kind, UniqueFd fd, bool connection);
  bool wait_for(std::size_t place);
  void refill(Input& input, MonotonicTime now) const;
  void wake_rested(MonotonicTime now);
  std::size_t turn(std::size_t place, Counters& counters);
  std::size_t accept_all(Input& listener, Source& source, Counters& counters);
  std::size_t read_some(Input& input, Source& source, Counters& counters);
  void take(Input& input, Source& source, const KeyRead& read, Counters& counters);
  void rest_when_spent(std::size_t place);
  void close(Input& input, Counters& counters);
  std::int64_t most_credit() const;

  KeyStore& keys;
  const KeySourceLimits limits;
  const Clock& clock;
  LockedMemory memory;
  std::span<std::byte> buffer;
  std::vector<Input> inputs;
  std::vector<Source> sources;
  UniqueFd epoll;
  MonotonicTime files_read{};
  std::size_t files = 0;
  std::size_t connections = 0;
};

KeySources::State::State(KeyStore& its_keys, const KeySourceLimits& its_limits, const Clock& its_clock)
    : keys(its_keys),
      limits(its_limits),
      clock(its_clock),
      memory(limits.bytes_per_pass + (kMost + limits.connections) * kLongestKeyLine, true),
      buffer(memory.bytes().first(limits.bytes_per_pass)),
      inputs(kMost + limits.connections),
      epoll(::epoll_create1(EPOLL_CLOEXEC)) {}

Source* KeySources::State::source_of(std::uint32_t id) {
  const auto found = std::ranges::find_if(sources, [id](const Source& source) { return source.figures.id == id; });
  return found == sources.end() ? nullptr : &*found;
}

std::size_t KeySources::State::free_input() const {
  const auto found = std::ranges::find_if(inputs, [](const Input& input) { return !input.fd; });
  return static_cast<std::size_t>(found - inputs.begin());
}

std::int64_t KeySources::State::most_credit() const {
  return static_cast<std::int64_t>(std::max(limits.bytes_per_pass, limits.bytes_per_second / 50));
}

bool KeySources::State::add(std::uint32_t id, KeySourceKind kind, UniqueFd fd, KeySenders allowed) {
  remove(id);
  if (sources.size() == kMost) return false;
  sources.push_back({.figures = {.id = id}, .allowed = std::move(allowed)});
  if (open(free_input(), id, kind, std::move(fd), false)) return true;
  sources.pop_back();
  return false;
}

bool KeySources::State::open(std::size_t place, std::uint32_t id, KeySourceKind kind, UniqueFd fd, bool connection) {
  Input& input = inputs[place];
  const auto lines = memory.bytes().subspan(limits.bytes_per_pass + place * kLongestKeyLine, kLongestKeyLine);
  const std::span<char, kLongestKeyLine> line(reinterpret_cast<char*>(lines.data()), kLongestKeyLine);
  input.source = id;
  input.connection = connection;
  input.kind = kind;
  input.fd = std::move(fd);
  input.text = std::make_unique<KeyText>(keys, line);
  input.credit = most_credit();
  input.credited = clock.monotonic();
  const bool file = kind == KeySourceKind::kFile;
  if (!file && !wait_for(place)) {
    input = Input{};
    return false;
  }
  files += file ? 1 : 0;
  connections += connection ? 1 : 0;
  return true;
}

bool KeySources::State::wait_for(std::size_t place) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = place}};
  return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, inputs[place].fd.get(), &event) == 0;
}

void KeySources::State::remove(std::uint32_t id) {
  Counters ignored;
  for (Input& input : inputs) {
    if (input.fd && input.source == id) close(input, ignored);
  }
  std::erase_if(sources, [id](const Source& source) { return source.figures.id == id; });
}

void KeySources::State::close(Input& input, Counters& counters) {
  if (Source* source = source_of(input.source); source != nullptr) {
    const KeyLineCounts counts = input.text->finish(counters);
    source->figures.accepted += counts.accepted;
    source->figures.malformed += counts.malformed;
    if (input.connection) --source->figures.connections;
    if (!input.connection) source->figures.ended = true;
  }
  files -= input.kind == KeySourceKind::kFile ? 1 : 0;
  connections -= input.connection ? 1 : 0;
  // Explicitly: the same description may be open elsewhere too, and would go on being reported.
  if (!input.resting && input.kind != KeySourceKind::kFile) {
    ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, input.fd.get(), nullptr);
  }
  input.text.reset();
  input = Input{};
}

void KeySources::State::refill(Input& input, MonotonicTime now) const {
  constexpr MonotonicTime kFull = std::chrono::seconds(1);
  const MonotonicTime passed = std::min(now - input.credited, kFull);
  const std::int64_t more = passed.count() / 1000 * static_cast<std::int64_t>(limits.bytes_per_second) / 1'000'000;
  if (more == 0) return;
  input.credit = std::min(input.credit + more, most_credit());
  input.credited = now;
}

void KeySources::State::wake_rested(MonotonicTime now) {
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    Input& input = inputs[place];
    if (!input.fd || !input.resting) continue;
    refill(input, now);
    if (input.credit <= 0) continue;
    input.resting = false;
    if (input.kind != KeySourceKind::kFile) wait_for(place);
  }
}

void KeySources::State::rest_when_spent(std::size_t place) {
  Input& input = inputs[place];
  if (!input.fd || input.credit > 0) return;
  input.resting = true;
  if (input.kind != KeySourceKind::kFile) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, input.fd.get(), nullptr);
}

void KeySources::State::take(Input& input, Source& source, const KeyRead& read, Counters& counters) {
  if (read.restarted) input.text->reset();
  if (read.size == 0) return;
  const Bytes bytes = buffer.first(read.size);
  const std::uint64_t dropped = counters.of(Counter::kKeySourceDropped);
  const KeyLineCounts counts = input.kind == KeySourceKind::kDatagram ? add_key_datagram(keys, bytes, counters)
                                                                      : input.text->add(bytes, counters);
  OPENSSL_cleanse(buffer.data(), read.size);
  source.figures.accepted += counts.accepted;
  source.figures.malformed += counts.malformed;
  source.figures.dropped += counters.of(Counter::kKeySourceDropped) - dropped;
  source.figures.bytes += read.size;
  source.figures.last = clock.wall();
  input.credit -= static_cast<std::int64_t>(read.size);
}

std::size_t KeySources::State::read_some(Input& input, Source& source, Counters& counters) {
  std::size_t total = 0;
  const std::size_t reads = input.kind == KeySourceKind::kDatagram ? kReadsPerTurn : 1;
  for (std::size_t i = 0; i < reads && total < limits.bytes_per_pass; ++i) {
    const KeyRead read = read_keys(input.kind, input.fd.get(), input.offset, buffer);
    take(input, source, read, counters);
    total += read.size;
    if (read.ended) close(input, counters);
    if (read.size == 0) break;
  }
  return total;
}

std::size_t KeySources::State::accept_all(Input& listener, Source& source, Counters& counters) {
  for (std::size_t i = 0; i < kReadsPerTurn; ++i) {
    UniqueFd sender = accept_sender(listener.fd.get());
    if (!sender) break;
    listener.credit -= kAcceptCost;
    const bool welcome = connections < limits.connections && may_send(sender.get(), source.allowed);
    if (welcome && open(free_input(), source.figures.id, KeySourceKind::kStream, std::move(sender), true)) {
      ++source.figures.connections;
    } else {
      ++source.figures.refused;
      counters.add(Counter::kKeysRefused);
    }
    if (listener.credit <= 0) break;
  }
  return 0;
}

std::size_t KeySources::State::turn(std::size_t place, Counters& counters) {
  Input& input = inputs[place];
  if (!input.fd || input.resting) return 0;
  Source& source = *source_of(input.source);
  refill(input, clock.monotonic());
  const std::size_t size =
      input.kind == KeySourceKind::kListener ? accept_all(input, source, counters) : read_some(input, source, counters);
  rest_when_spent(place);
  return size;
}

void KeySources::State::work(Counters& counters) {
  const MonotonicTime now = clock.monotonic();
  wake_rested(now);
  std::size_t total = 0;
  std::array<epoll_event, kEventsPerPass> events;
  const int ready = ::epoll_wait(epoll.get(), events.data(), events.size(), 0);
  for (int i = 0; i < ready && total < kBytesPerPass; ++i) total += turn(events[i].data.u64, counters);
  if (files == 0 || now - files_read < kFileInterval) return;
  files_read = now;
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    if (inputs[place].fd && inputs[place].kind == KeySourceKind::kFile) turn(place, counters);
  }
}

std::chrono::milliseconds KeySources::State::wait_at_most() const {
  std::chrono::milliseconds wait = files == 0 ? kLongestWait : kFileInterval;
  for (const Input& input : inputs) {
    if (!input.fd || !input.resting) continue;
    const std::int64_t missing = 1 - input.credit;
    const std::chrono::milliseconds until(missing * 1000 / static_cast<std::int64_t>(limits.bytes_per_second) + 1);
    wait = std::min(wait, std::max(until, kShortestWait));
  }
  return wait;
}

KeySources::KeySources(KeyStore& keys, const KeySourceLimits& limits, const Clock& clock)
    : state_(std::make_unique<State>(keys, limits, clock)) {}
KeySources::~KeySources() = default;

bool KeySources::add(std::uint32_t id, KeySourceKind kind, UniqueFd fd, KeySenders allowed) {
  return state_->add(id, kind, std::move(fd), std::move(allowed));
}
void KeySources::remove(std::uint32_t id) { state_->remove(id); }
int KeySources::wait_fd() const { return state_->epoll.get(); }
std::chrono::milliseconds KeySources::wait_at_most() const { return state_->wait_at_most(); }
void KeySources::work(Counters& counters) { state_->work(counters); }

std::vector<KeySourceFigures> KeySources::figures() const {
  std::vector<KeySourceFigures> result;
  for (const Source& source : state_->sources) result.push_back(source.figures);
  return result;
}

}  // namespace tidegate::inspect
