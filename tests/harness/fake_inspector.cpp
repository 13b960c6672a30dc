// SPDX-License-Identifier: Apache-2.0
// A stand-in for tidegate-inspector that speaks its protocol and sees nothing. What it is asked to inspect decides how
// it behaves: a service named "chatty", "crash", "mute", "nonsense" or "overload" does what it says. For each settings
// it reports a request to the first service, with its own process id as the size. It counts what it is told:
//   connections: descriptors of capture; keys_accepted: lines by KeyLines, but for messages that begin with an x, which
//   are malformed; keys_late: identity keys
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/settings_parts.hpp"
#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::inspect::wire {
namespace {

constexpr int kPeriodMs = 20;

class Fake {
 public:
  Fake() : channel_(UniqueFd(kChannelFd)) {}

  [[noreturn]] void run() {
    for (;;) {
      pollfd source{channel_.fd(), POLLIN, 0};
      ::poll(&source, 1, kPeriodMs);
      while (true) {
        auto received = channel_.receive(Wait::kNo);
        if (!received) std::exit(0);
        if (!*received) break;
        take(**received);
      }
      read_sources();
      if (ready_) report();
    }
  }

 private:
  struct Source {
    KeyStatistics::Source figures;
    UniqueFd fd;
    KeySource::Kind kind{};
  };

  void take(Received& received) {
    auto message = decode_to_inspector(received.message);
    if (!message) std::exit(3);
    if (const auto* start = std::get_if<Start>(&*message)) start_ = *start;
    if (start_.mode == Start::Mode::kExamine && !ready_) return examine();
    if (const auto* part = std::get_if<SettingsPart>(&*message)) take(*part);
    if (const auto* key = std::get_if<IdentityKey>(&*message)) {
      // The key that was there is the one before, or that was dropped and it stays.
      const bool expected = key->before ? *key->before == settings_.identity_key : key->key == settings_.identity_key;
      if (!expected) counters_.add(Counter::kMalformedTls);
      if (key->key != settings_.identity_key) counters_.add(Counter::kKeysLate);
      settings_.identity_key = key->key;
    }
    if (const auto* source = std::get_if<KeySource>(&*message)) {
      auto& entry = sources_[source->id];
      entry.figures.id = source->id;
      entry.kind = source->kind;
      entry.fd = std::move(received.descriptor);
    }
    if (const auto* lines = std::get_if<KeyLines>(&*message)) {
      const bool junk = !lines->lines.empty() && lines->lines.front() == std::byte{'x'};
      const std::uint64_t count = count_lines(lines->lines);
      auto& figures = sources_[lines->source].figures;
      figures.id = lines->source;
      (junk ? figures.malformed : figures.accepted) += count;
      if (!junk) counters_.add(Counter::kKeysAccepted, count);
    }
    if (std::holds_alternative<Stop>(*message)) std::exit(0);
  }

  static std::uint64_t count_lines(Bytes bytes) {
    return static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), std::byte{'\n'}));
  }

  void take(const SettingsPart& part) {
    auto settings = assembler_.add(part);
    if (!settings) std::exit(3);
    if (!*settings) return;
    settings_ = std::move(**settings);
    counters_.values()[static_cast<std::size_t>(Counter::kPayloadsSampled)] =
        !settings_.services.empty() && settings_.services.front().payload_sample > 0 ? 1 : 0;
    const std::string service = settings_.services.empty() ? "" : settings_.services.front().name;
    overload_ = service == "overload";
    if (service == "mute") return;
    if (!ready_) {
      send(Ready{.secrets_locked = true,
                 .key_store_locked = true,
                 .filter = true,
                 .no_capabilities = true,
                 .no_dump = true,
                 .landlock = true});
    }
    ready_ = true;
    if (service == "crash") std::abort();
    for (int i = 0; service == "chatty" && i < 100; ++i) {
      send(Problem{.fatal = false, .descriptor = 0, .text = "trouble " + std::to_string(i) + "\x1b[2J"});
    }
    if (service == "nonsense") (void)channel_.send(std::as_bytes(std::span("nonsense", 8)), Wait::kYes);
    say(service);
  }

  // In place of the examiner: finds something, and says something that is not for it to say.
  void examine() {
    if (start_.rules == "/missing") {
      send(Problem{.fatal = true, .descriptor = 0, .text = "no rules in " + start_.rules});
      std::exit(1);
    }
    ready_ = true;
    send(Ready{.secrets_locked = false,
               .key_store_locked = true,
               .filter = true,
               .no_capabilities = true,
               .no_dump = true,
               .landlock = true});
    SummaryBatch batch;
    Summary summary;
    summary.service = "examined";
    summary.request_bytes = static_cast<std::uint64_t>(::getpid());
    for (const auto kind : {SummaryKind::kPayload, SummaryKind::kRequest}) {
      summary.kind = kind;
      summary.attacks = kAttackSql;
      batch.add(summary);
    }
    (void)channel_.send(batch.message(), Wait::kYes);
  }

  void say(const std::string& service) {
    Summary summary;
    summary.service = service;
    summary.method = "GET";
    summary.path = summary.path_template = "/settings";
    summary.status = 200;
    summary.request_bytes = static_cast<std::uint64_t>(::getpid());
    SummaryBatch batch;
    batch.add(summary);
    (void)channel_.send(batch.message(), Wait::kYes);
  }

  void read_sources() {
    for (auto& [id, source] : sources_) {
      std::byte buffer[4096];
      if (!source.fd) continue;
      if (source.kind == KeySource::Kind::kListenStream) {
        UniqueFd sender(::accept4(source.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!sender) continue;
        const ssize_t size = ::read(sender.get(), buffer, sizeof buffer);
        if (size > 0) source.figures.accepted += count_lines(Bytes(buffer).first(static_cast<std::size_t>(size)));
        continue;
      }
      const ssize_t size = ::read(source.fd.get(), buffer, sizeof buffer);
      if (size > 0) source.figures.accepted += count_lines(Bytes(buffer).first(static_cast<std::size_t>(size)));
    }
  }

  void report() {
    for (std::uint16_t worker = 0; worker < start_.workers; ++worker) {
      Statistics statistics;
      statistics.worker = worker;
      if (worker == 0) statistics.counters = counters_;
      if (start_.mode == Start::Mode::kExamine)
        statistics.counters.add(Counter::kPayloadsExamined);
      else if (::fcntl(kFirstRingFd + worker, F_GETFD) >= 0)
        statistics.counters.add(Counter::kConnections);
      statistics.connections = 1;
      statistics.shedding = overload_ ? 2 : 0;
      statistics.shed_millionth = overload_ ? 500'000 : 0;
      send(statistics);
    }
    if (start_.mode == Start::Mode::kExamine) return;
    KeyStatistics keys;
    keys.resident_bytes = 1 << 20;
    for (const auto& [id, source] : sources_) keys.sources.push_back(source.figures);
    send(keys);
  }

  void send(const ToAgent& message) {
    if (!channel_.send(encode(message), Wait::kYes)) std::exit(0);
  }

  Channel channel_;
  SettingsAssembler assembler_;
  Settings settings_;
  Start start_;
  Counters counters_;
  std::map<std::uint32_t, Source> sources_;
  bool ready_ = false;
  bool overload_ = false;
};

}  // namespace
}  // namespace tidegate::inspect::wire

int main() { tidegate::inspect::wire::Fake().run(); }
