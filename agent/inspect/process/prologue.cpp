// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/prologue.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/inspect/wire/settings_parts.hpp"

namespace tidegate::inspect::process {
namespace {

constexpr double kEngineShare = 0.7;

// Rings, or the capture and its key logs.
int inputs(const wire::Start& start) {
  return start.mode == wire::Start::Mode::kLive ? start.workers : 1 + start.keylogs;
}

std::unexpected<Error> out_of_turn() {
  return fail(ErrorCode::kInvalidArgument, "the inspector was not started by Tidegate: Start and settings are missing");
}

}  // namespace

Result<Beginning> read_beginning(wire::Channel& channel) {
  Beginning beginning;
  bool started = false;
  wire::SettingsAssembler assembler;
  while (true) {
    TIDEGATE_ASSIGN(auto received, channel.receive(wire::Wait::kYes));
    if (!received) continue;  // a signal
    const wire::Forgetting when_taken(channel);
    TIDEGATE_ASSIGN(const wire::ToInspector message, wire::decode_to_inspector(received->message));
    if (const auto* start = std::get_if<wire::Start>(&message); start != nullptr && !started) {
      beginning.start = *start;
      started = true;
      continue;
    }
    const auto* part = std::get_if<wire::SettingsPart>(&message);
    if (part == nullptr || !started) return out_of_turn();
    TIDEGATE_ASSIGN(auto settings, assembler.add(*part));
    if (!settings) continue;
    beginning.settings = std::move(*settings);
    return beginning;
  }
}

std::vector<int> handed_over(const wire::Start& start) {
  std::vector<int> descriptors{wire::kChannelFd};
  for (int i = 0; i < inputs(start); ++i) descriptors.push_back(wire::kFirstRingFd + i);
  if (start.payloads) descriptors.push_back(wire::kPayloadFd);
  return descriptors;
}

Status place_payloads(const wire::Start& start) {
  if (!start.payloads) return {};
  const int given = wire::kFirstRingFd + inputs(start);
  if (dup3(given, wire::kPayloadFd, O_CLOEXEC) < 0) return fail_errno(errno, "cannot place the descriptor of payloads");
  return {};
}

void prepare_libraries(unsigned threads) {
  mallopt(M_ARENA_MAX, static_cast<int>(threads));
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_ADD_ALL_CIPHERS |
                          OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                      nullptr);
  std::array<unsigned char, 1> byte{};
  RAND_bytes(byte.data(), byte.size());  // opens its sources now
}

std::uint64_t engine_memory(const Settings& settings, unsigned workers) {
  return static_cast<std::uint64_t>(static_cast<double>(settings.memory_bytes) * kEngineShare) / workers;
}

void say_problem(const wire::Channel& channel, const std::string& text, bool fatal, int descriptor) {
  const wire::Problem problem{.fatal = fatal, .descriptor = static_cast<std::uint32_t>(descriptor), .text = text};
  static_cast<void>(channel.send(wire::encode(wire::ToAgent(problem)), fatal ? wire::Wait::kYes : wire::Wait::kNo));
}

}  // namespace tidegate::inspect::process
