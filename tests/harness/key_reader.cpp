// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/key_reader.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <stdexcept>
#include <system_error>

namespace tidegate::harness {
namespace {

UniqueFd listening(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  std::filesystem::remove(path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd.get(), 256) != 0) {
    throw std::system_error(errno, std::generic_category(), "listen at " + path.string());
  }
  return fd;
}

void give_to_group(const std::filesystem::path& path, const std::string& name) {
  const group* found = ::getgrnam(name.c_str());
  if (found == nullptr) throw std::runtime_error("no group " + name);
  if (::chown(path.c_str(), 0, found->gr_gid) != 0) throw std::system_error(errno, std::generic_category(), "chown");
}

}  // namespace

KeyReader::KeyReader(std::filesystem::path path, const Options& options)
    : path_(std::move(path)), reading_(options.read), listener_(listening(path_)) {
  if (!options.group.empty()) give_to_group(path_, options.group);
  ::chmod(path_.c_str(), options.mode);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

KeyReader::~KeyReader() {
  thread_.request_stop();
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

std::vector<std::string> KeyReader::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

std::string KeyReader::text() const {
  std::string all;
  for (const std::string& line : lines()) all += line + "\n";
  return all;
}

std::vector<pid_t> KeyReader::senders() const {
  const std::lock_guard lock(mutex_);
  return senders_;
}

void KeyReader::start_reading() { reading_ = true; }

bool KeyReader::wait_for(std::size_t lines, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return lines_.size() >= lines; });
}

void KeyReader::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waiting = {{listener_.get(), POLLIN, 0}};
    if (reading_) {
      for (const auto& [fd, owner] : connections_) waiting.push_back({fd, POLLIN, 0});
    }
    if (::poll(waiting.data(), waiting.size(), 20) <= 0) continue;
    if (waiting[0].revents != 0) accept_one();
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0) receive(waiting[i].fd);
    }
  }
}

void KeyReader::accept_one() {
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  const std::lock_guard lock(mutex_);
  senders_.push_back(peer.pid);
  const int number = fd.get();
  connections_[number] = std::move(fd);
}

void KeyReader::receive(int fd) {
  char bytes[65536];
  const ssize_t size = ::recv(fd, bytes, sizeof bytes, 0);
  if (size <= 0) {
    connections_.erase(fd);
    rests_.erase(fd);
    return;
  }
  std::string& rest = rests_[fd];
  rest.append(bytes, static_cast<std::size_t>(size));
  const std::lock_guard lock(mutex_);
  for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
    lines_.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  changed_.notify_all();
}

std::string label_of(const std::string& line) { return line.substr(0, line.find(' ')); }

std::string random_of(const std::string& line) {
  const auto begin = line.find(' ');
  return begin == std::string::npos ? "" : line.substr(begin + 1, line.find(' ', begin + 1) - begin - 1);
}

}  // namespace tidegate::harness
