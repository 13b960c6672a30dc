// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "agent/base/unique_fd.hpp"
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/format/quantity.hpp"
#include "cli/tar.hpp"
#include "cli/version.hpp"

namespace tidegate::cli {
namespace {

using Files = std::map<std::string, std::string>;

std::string host_text() {
  utsname host{};
  uname(&host);  // no host name: it may name a customer
  return std::string("tidegate ") + kVersion + "\nkernel " + host.release + " " + host.version + " " + host.machine +
         "\n";
}

std::string interfaces_text() {
  std::string text;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net", error)) {
    const auto driver = std::filesystem::read_symlink(entry.path() / "device/driver", error).filename().string();
    std::ifstream mtu(entry.path() / "mtu");
    std::string size;
    mtu >> size;
    text += entry.path().filename().string() + " driver " + (driver.empty() ? "none" : driver) + " mtu " + size + "\n";
  }
  return text;
}

std::string release_text() {
  std::ifstream release("/etc/os-release");
  std::ostringstream text;
  text << release.rdbuf();
  return text.str();
}

// Never over another file, and readable by its owner only.
Outcome<> write_file(const std::string& name, const std::string& bytes) {
  const UniqueFd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST) return refuse(name + " exists already; name another file");
  if (!file) return std::unexpected(Failure(fail_errno(errno, "cannot create " + name).error()));
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t step = ::write(file.get(), bytes.data() + written, bytes.size() - written);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) {
      const int error = errno;
      ::unlink(name.c_str());
      return std::unexpected(Failure(fail_errno(error, "cannot write " + name).error()));
    }
    written += static_cast<std::size_t>(step);
  }
  return {};
}

// What this program sees itself is kept even without an agent: that is when a report is needed most.
Outcome<> dump(Context& context, const std::string& name) {
  Files files{
      {"cli.txt", host_text()}, {"cli-interfaces.txt", interfaces_text()}, {"cli-os-release.txt", release_text()}};
  const Outcome<v1::SupportResponse> response = context.client().support({});
  if (response) {
    for (const auto& [file, text] : response->files()) files["agent-" + file] = text;
  } else {
    files["cli-agent-missing.txt"] = response.error().message + "\n";
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(context.environment().clock.wall());
  const std::string archive = make_tar("tidegate-support", files, now.time_since_epoch().count());
  TIDEGATE_TRY(write_file(name, archive));
  if (!response) {
    return refuse(response.error().exit,
                  response.error().message + " (" + name + " holds only what was found without it)");
  }
  context.output().show({{"file", name}, {"files", files.size()}, {"bytes", archive.size()}}, [&](std::ostream& out) {
    out << "wrote " << name << " (" << plural(files.size(), "file") << ", " << short_bytes(archive.size())
        << "); look through it before you send it: tar xf\n";
  });
  return {};
}

}  // namespace

void add_support(Command& root) {
  Command support = root.add_group("support", "Help for bug reports", "support dump report.tar");
  auto file = std::make_shared<std::string>();
  Command command =
      support.add("dump", "Write everything needed for a bug report, no secrets in it", "support dump report.tar");
  command.positional("FILE", *file, "Archive to write (tar); must not exist").required();
  command.run([file](Context& context) { return dump(context, *file); });
}

}  // namespace tidegate::cli
