// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/inspector.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/inspect/wire/settings_parts.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

constexpr SandboxedProgram kInspector{"tidegate-inspector", "TIDEGATE_INSPECTOR", "../agent/inspect/process",
                                      "reads captures"};

Status send_beginning(const Sandboxed& process, const inspect::Settings& settings, std::size_t keylogs, bool payloads) {
  const wire::Start start{
      .mode = wire::Start::Mode::kOffline, .keylogs = static_cast<std::uint16_t>(keylogs), .payloads = payloads};
  TIDEGATE_TRY(process.send(wire::encode(wire::ToInspector(start))));
  TIDEGATE_ASSIGN(const auto parts, wire::encode_settings(settings));
  for (const auto& part : parts) TIDEGATE_TRY(process.send(part));
  return {};
}

}  // namespace

Outcome<InputFile> open_input(const std::string& what, const std::string& name) {
  InputFile file{.name = name, .fd = UniqueFd(::open(name.c_str(), O_RDONLY | O_CLOEXEC))};
  // A file that may not be read is a failure of this command, not of access to the agent.
  if (!file.fd) return refuse("cannot open " + what + " " + name + ": " + std::strerror(errno));
  struct stat facts {};
  if (fstat(file.fd.get(), &facts) != 0)
    return refuse("cannot read " + what + " " + name + ": " + std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return refuse(name + " is a directory, not a " + what);
  if (S_ISREG(facts.st_mode)) file.size = static_cast<std::uint64_t>(facts.st_size);
  return file;
}

Outcome<Inspector> Inspector::start(const Environment& environment, const inspect::Settings& settings,
                                    InputFile capture, std::vector<InputFile> keylogs, UniqueFd payloads) {
  std::vector<std::string> names{capture.name};
  std::vector<int> descriptors{capture.fd.get()};
  for (const InputFile& keylog : keylogs) {
    names.push_back(keylog.name);
    descriptors.push_back(keylog.fd.get());
  }
  if (payloads) descriptors.push_back(payloads.get());
  TIDEGATE_ASSIGN(Sandboxed process, Sandboxed::start(environment, kInspector, descriptors));
  const bool begun = send_beginning(process, settings, keylogs.size(), static_cast<bool>(payloads)).has_value();
  Inspector inspector(std::move(process), std::move(names), capture.size);
  if (!begun) return std::unexpected(inspector.died());
  return inspector;
}

Failure Inspector::died() {
  return Failure(Exit::kFailed, process_.died() + " while it read " + names_.front() +
                                    "; please report this with the capture, if it may be shared");
}

Outcome<Inspector::Heard> Inspector::next(int other) {
  std::array<pollfd, 2> sources{pollfd{process_.fd(), POLLIN, 0}, pollfd{other, POLLIN, 0}};
  constexpr int kPatience = 100;
  const int ready = poll(sources.data(), sources.size(), kPatience);
  if (ready <= 0) return Heard{.message = std::nullopt, .pause = ready == 0};
  auto message = process_.take();
  if (!message && message.error().code == ErrorCode::kUnavailable) return std::unexpected(died());
  if (!message) return std::unexpected(Failure(message.error()));
  return Heard{.message = std::move(*message)};
}

const std::string& Inspector::name_of(std::uint32_t descriptor) const {
  const std::size_t index = descriptor - static_cast<std::uint32_t>(wire::kCaptureFd);
  return index < names_.size() ? names_[index] : names_.front();
}

}  // namespace tidegate::cli
