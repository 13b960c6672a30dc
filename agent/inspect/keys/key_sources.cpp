// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_sources.hpp"

#include <openssl/crypto.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "agent/inspect/keys/key_line_room.hpp"
#include "agent/inspect/keys/key_source_io.hpp"
#include "agent/inspect/keys/key_text.hpp"
#include "agent/inspect/keys/key_turns.hpp"
#include "agent/inspect/keys/locked_memory.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kEventsPerPass = 256;
constexpr std::size_t kReadsPerTurn = 64;  // datagrams, accepted connections
constexpr std::size_t kBytesPerPass = 1 << 20;
constexpr std::int64_t kAcceptCost = 4096;      // bytes of credit: who only connects is held back too
constexpr std::int64_t kLineCost = 64;          // likewise, who sends the shortest of lines
constexpr std::size_t kOtherDescriptors = 256;  // of sources, rings, the channel, …
constexpr std::size_t kFewest = 16;             // connections, wherever there is room for hardly anything
constexpr std::chrono::milliseconds kFileInterval{20};
constexpr std::chrono::milliseconds kLongestWait{1000};

// Something that is read: a source, or a connection of a listener. What waits to be read is not asked about until it
// was (EPOLLONESHOT).
struct Input {
  std::uint32_t source = 0;  // id
  KeySourceKind kind = KeySourceKind::kStream;
  bool connection = false;
  bool waiting = false;  // for its turn
  UniqueFd fd;           // none: the place is free
  KeyTurns::Payer* payer = nullptr;
  std::unique_ptr<KeyText> text;  // while a line is incomplete
  std::size_t line = 0;           // where it is kept
  off_t offset = 0;
  MonotonicTime heard{};                 // when it last said something
  std::optional<MonotonicTime> until{};  // a file that has been replaced
};

struct Source {
  KeySourceFigures figures;
  KeySenders allowed;
};

std::size_t most_connections(const KeySourceLimits& limits) {
  const std::size_t most = most_descriptors();
  const std::size_t room = most > kOtherDescriptors + kFewest ? most - kOtherDescriptors : kFewest;
  return std::min(limits.connections, room);
}

}  // namespace

struct KeySources::State {
  State(KeyStore& its_keys, const KeySourceLimits& its_limits, const Clock& its_clock);

  bool add(std::uint32_t id, KeySourceKind kind, UniqueFd fd, KeySenders allowed);
  void remove(std::uint32_t id);
  void work(Counters& counters);
  std::chrono::milliseconds wait_at_most() const;

  Source* source_of(std::uint32_t id);
  void release(std::uint32_t id);
  bool open(std::uint32_t id, KeySourceKind kind, UniqueFd fd, const KeyPayerName& payer, bool connection);
  bool wait_for(std::size_t place, int operation);
  void collect(MonotonicTime now);
  void put_in_line(std::size_t place);
  std::size_t turn(std::size_t place, Counters& counters);
  void accept_all(Input& listener, Counters& counters);
  bool admit(UniqueFd sender, Source& source, Counters& counters);
  void make_room(const KeyTurns::Payer& user, Counters& counters);
  std::size_t read_some(std::size_t place, Counters& counters);
  void take(Input& input, Source& source, const KeyRead& read, Counters& counters);
  KeyLineCounts take_lines(Input& input, Bytes bytes, Counters& counters);
  void drop_line(Input& input);
  void last_read(std::size_t place, Counters& counters);
  void close(std::size_t place, Counters& counters);

  KeyStore& keys;
  const KeySourceLimits limits;
  const std::size_t most;  // connections
  const Clock& clock;
  LockedMemory memory;
  KeyLineRoom lines;
  KeyTurns turns;
  std::vector<Input> inputs;
  std::vector<std::size_t> free;  // of inputs
  std::vector<Source> sources;
  UniqueFd epoll;
  MonotonicTime files_read{};
  std::size_t files = 0;
  std::size_t connections = 0;
  Counters outside;  // what was counted outside of work()
};

// A source may have one more input: the file that it had before.
KeySources::State::State(KeyStore& its_keys, const KeySourceLimits& its_limits, const Clock& its_clock)
    : keys(its_keys),
      limits(its_limits),
      most(most_connections(limits)),
      clock(its_clock),
      memory(limits.bytes_per_pass, true),
      lines(2 * kMost + most),
      turns(static_cast<std::int64_t>(limits.bytes_per_second),
            static_cast<std::int64_t>(std::max(limits.bytes_per_pass, limits.bytes_per_second / 50))),
      inputs(2 * kMost + most),
      epoll(::epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t place = inputs.size(); place > 0; --place) free.push_back(place - 1);
}

Source* KeySources::State::source_of(std::uint32_t id) {
  const auto found = std::ranges::find_if(sources, [id](const Source& source) { return source.figures.id == id; });
  return found == sources.end() ? nullptr : &*found;
}

// ---- what is there ----

bool KeySources::State::add(std::uint32_t id, KeySourceKind kind, UniqueFd fd, KeySenders allowed) {
  release(id);
  const bool known = source_of(id) != nullptr;
  if (!known && sources.size() == kMost) return false;
  if (!known) sources.push_back({.figures = {.id = id}, .allowed = {}});
  Source& source = *source_of(id);
  source.allowed = std::move(allowed);
  source.figures.ended = !open(id, kind, std::move(fd), {KeyPayerName::Of::kSource, id}, false);
  if (!source.figures.ended) return true;
  if (!known) sources.pop_back();
  return false;
}

// Another descriptor comes in place of what this source has.
void KeySources::State::release(std::uint32_t id) {
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    Input& input = inputs[place];
    if (!input.fd || input.source != id) continue;
    if (input.kind == KeySourceKind::kFile && !input.until) {
      input.until = clock.monotonic() + kLinger;
    } else {
      last_read(place, outside);
    }
  }
}

void KeySources::State::remove(std::uint32_t id) {
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    if (inputs[place].fd && inputs[place].source == id) last_read(place, outside);
  }
  std::erase_if(sources, [id](const Source& source) { return source.figures.id == id; });
}

bool KeySources::State::open(std::uint32_t id, KeySourceKind kind, UniqueFd fd, const KeyPayerName& payer,
                             bool connection) {
  const std::size_t place = free.back();
  Input& input = inputs[place];
  input.fd = std::move(fd);
  const bool file = kind == KeySourceKind::kFile;
  if (!file && !wait_for(place, EPOLL_CTL_ADD)) {
    input = Input{};
    return false;
  }
  free.pop_back();
  input.source = id;
  input.kind = kind;
  input.connection = connection;
  input.heard = clock.monotonic();
  input.payer = &turns.join(payer, input.heard);
  files += file ? 1 : 0;
  connections += connection ? 1 : 0;
  return true;
}

bool KeySources::State::wait_for(std::size_t place, int operation) {
  epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = place}};
  return ::epoll_ctl(epoll.get(), operation, inputs[place].fd.get(), &event) == 0;
}

// What is there already is not lost.
void KeySources::State::last_read(std::size_t place, Counters& counters) {
  if (inputs[place].kind != KeySourceKind::kListener) read_some(place, counters);
  if (inputs[place].fd) close(place, counters);
}

void KeySources::State::close(std::size_t place, Counters& counters) {
  Input& input = inputs[place];
  Source& source = *source_of(input.source);
  if (input.text) {
    const KeyLineCounts counts = input.text->finish(counters);
    source.figures.accepted += counts.accepted;
    source.figures.malformed += counts.malformed;
    drop_line(input);
  }
  if (input.connection) --source.figures.connections;
  if (!input.connection && !input.until) source.figures.ended = true;
  files -= input.kind == KeySourceKind::kFile ? 1 : 0;
  connections -= input.connection ? 1 : 0;
  if (input.waiting) turns.forget(*input.payer, place);
  turns.leave(*input.payer);
  // Explicitly: the same description may be open elsewhere too, and would go on being reported.
  if (input.kind != KeySourceKind::kFile) ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, input.fd.get(), nullptr);
  input = Input{};
  free.push_back(place);
}

// ---- reading ----

void KeySources::State::drop_line(Input& input) {
  input.text.reset();
  lines.give_back(input.line);
}

KeyLineCounts KeySources::State::take_lines(Input& input, Bytes bytes, Counters& counters) {
  if (input.kind == KeySourceKind::kDatagram) return add_key_datagram(keys, bytes, counters);
  if (!input.text) {
    input.line = lines.take();
    input.text = std::make_unique<KeyText>(keys, lines.at(input.line));
  }
  const KeyLineCounts counts = input.text->add(bytes, counters);
  if (input.text->empty()) drop_line(input);
  return counts;
}

void KeySources::State::take(Input& input, Source& source, const KeyRead& read, Counters& counters) {
  if (read.restarted && input.text) drop_line(input);
  if (read.size == 0) return;
  const Bytes bytes = memory.bytes().first(read.size);
  const std::uint64_t dropped = counters.of(Counter::kKeySourceDropped);
  const KeyLineCounts counts = take_lines(input, bytes, counters);
  OPENSSL_cleanse(memory.bytes().data(), read.size);
  source.figures.accepted += counts.accepted;
  source.figures.malformed += counts.malformed;
  source.figures.dropped += counters.of(Counter::kKeySourceDropped) - dropped;
  source.figures.bytes += read.size;
  source.figures.last = clock.wall();
  input.heard = clock.monotonic();
  input.payer->credit -=
      static_cast<std::int64_t>(read.size) + static_cast<std::int64_t>(counts.accepted + counts.malformed) * kLineCost;
}

std::size_t KeySources::State::read_some(std::size_t place, Counters& counters) {
  Input& input = inputs[place];
  Source& source = *source_of(input.source);
  std::size_t total = 0;
  const std::size_t reads = input.kind == KeySourceKind::kDatagram ? kReadsPerTurn : 1;
  for (std::size_t i = 0; i < reads && total < limits.bytes_per_pass; ++i) {
    const KeyRead read = read_keys(input.kind, input.fd.get(), input.offset, memory.bytes());
    take(input, source, read, counters);
    total += read.size;
    const bool replaced = input.until && read.size == 0 && clock.monotonic() >= *input.until;
    if (read.ended || replaced) {
      close(place, counters);
      break;
    }
    if (read.size == 0) break;
  }
  return total;
}

// ---- who connects ----

void KeySources::State::make_room(const KeyTurns::Payer& user, Counters& counters) {
  std::size_t quietest = inputs.size();
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    const Input& input = inputs[place];
    if (!input.fd || input.payer != &user || !input.connection) continue;
    if (quietest == inputs.size() || input.heard < inputs[quietest].heard) quietest = place;
  }
  if (quietest == inputs.size()) return;
  last_read(quietest, counters);
  counters.add(Counter::kKeysTooManySenders);
}

bool KeySources::State::admit(UniqueFd sender, Source& source, Counters& counters) {
  const auto user = sender_of(sender.get(), source.allowed);
  if (!user) return false;
  const KeyPayerName name{KeyPayerName::Of::kUser, *user};
  KeyTurns::Payer& payer = turns.join(name, clock.monotonic());
  payer.credit -= kAcceptCost;
  turns.leave(payer);
  if (payer.inputs >= limits.connections_of_user) {
    make_room(payer, counters);
  } else if (connections >= most) {
    make_room(*turns.largest_user(), counters);
  }
  if (!open(source.figures.id, KeySourceKind::kStream, std::move(sender), name, true)) return false;
  ++source.figures.connections;
  return true;
}

void KeySources::State::accept_all(Input& listener, Counters& counters) {
  Source& source = *source_of(listener.source);
  for (std::size_t i = 0; i < kReadsPerTurn && listener.payer->credit > 0; ++i) {
    UniqueFd sender = accept_sender(listener.fd.get());
    if (!sender) break;
    listener.payer->credit -= kAcceptCost;
    if (admit(std::move(sender), source, counters)) continue;
    ++source.figures.refused;
    counters.add(Counter::kKeysRefused);
  }
}

// ---- turns ----

void KeySources::State::put_in_line(std::size_t place) {
  if (!inputs[place].fd || inputs[place].waiting) return;
  inputs[place].waiting = true;
  turns.wait(*inputs[place].payer, place);
}

void KeySources::State::collect(MonotonicTime now) {
  std::array<epoll_event, kEventsPerPass> events;
  const int ready = ::epoll_wait(epoll.get(), events.data(), events.size(), 0);
  for (int i = 0; i < ready; ++i) put_in_line(events[i].data.u64);
  if (files == 0 || now - files_read < kFileInterval) return;
  files_read = now;
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    if (inputs[place].kind == KeySourceKind::kFile) put_in_line(place);
  }
}

std::size_t KeySources::State::turn(std::size_t place, Counters& counters) {
  Input& input = inputs[place];
  input.waiting = false;
  std::size_t size = 0;
  if (input.kind == KeySourceKind::kListener) {
    accept_all(input, counters);
  } else {
    size = read_some(place, counters);
  }
  if (input.fd && input.kind != KeySourceKind::kFile) wait_for(place, EPOLL_CTL_MOD);
  return size;
}

void KeySources::State::work(Counters& counters) {
  counters.add(std::exchange(outside, {}));
  const MonotonicTime now = clock.monotonic();
  collect(now);
  for (std::size_t total = 0; total < kBytesPerPass;) {
    const auto place = turns.next(now);
    if (!place) break;
    total += turn(*place, counters);
  }
  turns.tidy(now);
}

std::chrono::milliseconds KeySources::State::wait_at_most() const {
  const std::chrono::milliseconds wait = files == 0 ? kLongestWait : kFileInterval;
  return std::min(wait, turns.until_next(clock.monotonic()).value_or(wait));
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
