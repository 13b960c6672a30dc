// SPDX-License-Identifier: Apache-2.0
// The whole way from packets to summaries. An input is a list of steps: what one side of one of eight connections says,
// a loss, keys, time, overload, new settings. Nothing crashes, memory stays within its bound and is given back, and
// every request that began is finished once.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "agent/inspect/engine/engine.hpp"
#include "agent/inspect/keys/key_text.hpp"
#include "tests/harness/tcp_script.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::inspect;

constexpr std::uint64_t kMemory = 2'000'000;

void require(bool condition) {
  if (!condition) std::abort();
}

class Sink final : public SummarySink {
 public:
  std::uint64_t began() override {
    open_.insert(++last_);
    return last_;
  }
  void finished(const Summary& summary) override {
    require(open_.erase(summary.sequence) == 1);
    require(summary.path.size() <= kLongestPath && summary.path_template.size() <= kLongestPath);
    require(summary.query_keys.size() <= kMostQueryKeys && summary.host.size() <= kLongestHost);
    require(summary.path.find('?') == std::string::npos);
  }
  bool all_finished() const { return open_.empty(); }

 private:
  std::uint64_t last_ = 0;
  std::set<std::uint64_t> open_;
};

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ == size_; }
  unsigned byte() { return empty() ? 0 : data_[at_++]; }
  std::span<const std::byte> bytes(std::size_t size) {
    size = std::min(size, size_ - at_);
    at_ += size;
    return std::as_bytes(std::span(data_ + at_ - size, size));
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

Settings settings_of(unsigned choice) {
  Settings settings;
  settings.memory_bytes = kMemory;
  settings.everything = (choice & 1) != 0;
  settings.services.push_back({.name = "web",
                               .ports = {{443, 443}},
                               .addresses = {},
                               .session = IdentityField{IdentityField::Where::kCookie, "sid"},
                               .account = IdentityField{IdentityField::Where::kJson, "/user"}});
  if ((choice & 2) != 0) settings.trusted_proxies = {*Prefix::parse("198.51.100.0/24")};
  if ((choice & 4) != 0) settings.sample = 0.5;
  return settings;
}

test::TcpScript script_of(unsigned number) {
  test::TcpScriptOptions options;
  options.flow.client.port = static_cast<std::uint16_t>(40'000 + number);
  options.segment_size = 200;
  test::TcpScript script(options);
  if (number % 4 != 3) script.handshake();  // every fourth is met in its middle
  return script;
}

class Play {
 public:
  explicit Play(unsigned choice) : engine_(settings_of(choice), keys_, sink_) {
    for (unsigned i = 0; i < 8; ++i) {
      scripts_.push_back(script_of(i));
      fed_.push_back(0);
    }
  }
  void step(Input& input) {
    const unsigned what = input.byte();
    const std::size_t one = what & 7;
    test::TcpScript& script = scripts_[one];
    const Direction direction = (what & 8) != 0 ? Direction::kToServer : Direction::kToClient;
    switch (what >> 4) {
      case 0:
        script.fin(direction);
        break;
      case 1:
        script.reset(direction);
        break;
      case 2:
        script.lose(direction, input.byte());
        break;
      case 3:
        engine_.set_shedding(static_cast<Shedding>(input.byte() % 3), input.byte() / 255.0);
        break;
      case 4:
        engine_.set_settings(settings_of(input.byte()));
        break;
      case 5:
        time_ += std::chrono::milliseconds(input.byte() * 40);
        engine_.tick(time_);
        break;
      case 6:
        add_key_text(keys_, input.bytes(input.byte()), engine_.counters());
        break;
      default:
        script.say(direction, input.bytes(input.byte()));
    }
    feed(one);
    require(engine_.memory_used() <= kMemory);
  }
  void end() {
    engine_.finish(time_);
    require(engine_.memory_used() == 0 && engine_.connections() == 0 && engine_.waiting() == 0);
    require(sink_.all_finished());
  }

 private:
  void feed(std::size_t one) {
    const auto segments = scripts_[one].segments();
    for (; fed_[one] < segments.size(); ++fed_[one]) {
      const auto frame = test::to_frame(segments[fed_[one]].view());
      engine_.packet(LinkType::kEthernet, frame, static_cast<std::uint32_t>(frame.size()), time_);
    }
  }

  ManualClock clock_;
  KeyStore keys_{{.sessions = 64, .unused = std::chrono::seconds(60), .used = std::chrono::seconds(1), .lock = false},
                 clock_};
  Sink sink_;
  Engine engine_;
  std::vector<test::TcpScript> scripts_;
  std::vector<std::size_t> fed_;
  WallTime time_{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Play play(input.byte());
  while (!input.empty()) play.step(input);
  play.end();
  return 0;
}
