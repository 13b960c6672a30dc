// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/offline.hpp"

#include <openssl/crypto.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "agent/inspect/capture/capture_file.hpp"
#include "agent/inspect/capture/secret_stream.hpp"
#include "agent/inspect/capture/secrets.hpp"
#include "agent/inspect/engine/engine.hpp"
#include "agent/inspect/keys/key_text.hpp"
#include "agent/inspect/process/enter.hpp"
#include "agent/inspect/process/order.hpp"

namespace tidegate::inspect::process {
namespace {

constexpr unsigned kDescriptorsOffline = 32;
constexpr std::size_t kMostSessions = 1'000'000;
constexpr std::uint64_t kPacketsBetweenProgress = 1 << 16;

EngineLimits offline_limits() {
  EngineLimits limits;
  limits.tls.key_wait = std::chrono::seconds(0);  // every key that will ever come is there
  return limits;
}

Settings offline_settings(const Settings& settings) {
  Settings mine = settings;
  mine.memory_bytes = engine_memory(settings, 1);
  return mine;
}

int payloads_of(const Beginning& beginning) { return beginning.start.payloads ? wire::kPayloadFd : -1; }

class Offline {
 public:
  Offline(wire::Channel& channel, const Beginning& beginning, const Clock& clock)
      : channel_(channel),
        keys_({.sessions = kMostSessions,
               .unused = std::chrono::seconds(0),
               .used = std::chrono::seconds(0),
               .lock = false},
              clock),
        outbox_(channel, payloads_of(beginning)),
        engine_(offline_settings(beginning.settings), keys_, outbox_, offline_limits()) {}

  void run(unsigned keylogs);

 private:
  bool read_keylog(int descriptor);
  void read_embedded();
  void take_embedded(Bytes text, bool last);
  bool read_capture();
  std::string read_packets(CaptureFile& capture);
  void say_progress() const;

  wire::Channel& channel_;
  KeyStore keys_;
  OrderedOutbox outbox_;
  Engine engine_;
  std::uint64_t key_lines_ = 0;
  // Of the secrets inside the capture: read before its packets, or as they go by.
  Status embedded_;
  bool in_passing_ = false;
  std::array<char, kLongestKeyLine> line_{};
  KeyText text_{keys_, line_};
};

// False: it is no key log, which has been said.
bool Offline::read_keylog(int descriptor) {
  std::vector<std::byte> buffer(1 << 16);
  std::array<char, kLongestKeyLine> line{};
  KeyText text(keys_, line);
  KeyLineCounts counts;
  const auto add = [&counts](const KeyLineCounts& more) {
    counts.accepted += more.accepted;
    counts.malformed += more.malformed;
  };
  ssize_t size = 0;
  while ((size = ::read(descriptor, buffer.data(), buffer.size())) > 0) {
    add(text.add(Bytes(buffer).first(static_cast<std::size_t>(size)), engine_.counters()));
  }
  add(text.finish(engine_.counters()));
  OPENSSL_cleanse(buffer.data(), buffer.size());
  key_lines_ += counts.accepted;
  const bool none = counts.accepted == 0 && counts.malformed > 0;
  if (size < 0) say_problem(channel_, "cannot be read", true, descriptor);
  if (none) say_problem(channel_, "is no key log: none of its lines is LABEL RANDOM SECRET", true, descriptor);
  return size == 0 && !none;
}

// A capture that is damaged is read as far as it goes, later.
void Offline::read_embedded() {
  embedded_ = read_secrets(wire::kCaptureFd, [this](std::string_view lines) {
    const Bytes text = std::as_bytes(std::span(lines.data(), lines.size()));
    key_lines_ += add_key_text(keys_, text, engine_.counters()).accepted;
  });
  in_passing_ = !embedded_ && embedded_.error().code == ErrorCode::kUnsupported;
}

void Offline::take_embedded(Bytes text, bool last) {
  key_lines_ += text_.add(text, engine_.counters()).accepted;
  if (last) key_lines_ += text_.finish(engine_.counters()).accepted;
}

void Offline::say_progress() const {
  const off_t read = ::lseek(wire::kCaptureFd, 0, SEEK_CUR);
  if (read <= 0) return;
  const wire::Progress progress{static_cast<std::uint64_t>(read)};
  static_cast<void>(channel_.send(wire::encode(wire::ToAgent(progress)), wire::Wait::kNo));
}

// Why it ended before the end; empty: it did not.
std::string Offline::read_packets(CaptureFile& capture) {
  CapturedFrame frame;
  WallTime last{};
  std::string problem;
  while (outbox_.connected()) {
    const auto more = capture.next(frame);
    if (!more) problem = more.error().message;
    if (!more || !*more) break;
    engine_.packet(frame);
    last = frame.time;
    if (capture.packets() % kPacketsBetweenProgress == 0) say_progress();
  }
  engine_.finish(last);
  return problem;
}

bool Offline::read_capture() {
  SecretStream secrets([this](Bytes text, bool last) { take_embedded(text, last); });
  const auto watch = [&secrets](Bytes bytes) { secrets.add(bytes); };
  auto capture = in_passing_ ? CaptureFile::open(UniqueFd(wire::kCaptureFd), watch)
                             : CaptureFile::open(UniqueFd(wire::kCaptureFd));
  if (!capture) {
    say_problem(channel_, capture.error().message, true, wire::kCaptureFd);
    return false;
  }
  const std::string problem = read_packets(*capture);
  const Status& embedded = in_passing_ ? secrets.status() : embedded_;
  if (problem.empty() && !embedded) {
    say_problem(channel_, embedded.error().message + "; secrets behind it were not read", false, wire::kCaptureFd);
  }
  outbox_.finish();
  wire::Finished finished{.statistics = {}, .problem = problem, .key_lines = key_lines_};
  finished.statistics.counters = engine_.counters();
  finished.statistics.connections = engine_.connections();
  finished.statistics.memory_bytes = engine_.memory_used();
  static_cast<void>(channel_.send(wire::encode(wire::ToAgent(finished)), wire::Wait::kYes));
  return true;
}

void Offline::run(unsigned keylogs) {
  for (unsigned i = 0; i < keylogs; ++i) {
    if (!read_keylog(wire::kFirstKeylogFd + static_cast<int>(i))) return;
  }
  read_embedded();
  read_capture();
}

}  // namespace

Status run_offline(wire::Channel& channel, const Beginning& beginning, const Clock& clock) {
  Offline offline(channel, beginning, clock);
  TIDEGATE_TRY(enter(channel, kDescriptorsOffline, payloads_of(beginning)));
  offline.run(beginning.start.keylogs);
  return {};
}

}  // namespace tidegate::inspect::process
