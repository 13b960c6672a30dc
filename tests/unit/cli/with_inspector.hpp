// SPDX-License-Identifier: Apache-2.0
// Commands that start the real inspector in its sandbox, and a capture for it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "agent/inspect/wire/messages.hpp"
#include "cli/format/output.hpp"
#include "tests/harness/tcp_script.hpp"
#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {

inline std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

class WithInspector : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers make system calls that the sandbox forbids";
#endif
    run.variables["TIDEGATE_INSPECTOR"] = TIDEGATE_INSPECTOR;
  }
  std::string write(const std::string& name, const std::vector<std::byte>& bytes) {
    const std::string path = agent.directory() / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::string write(const std::string& name, const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    return write(name, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  // A program in Python, in place of a sandboxed one, whose `channel` is its socket: takes Start and does `then`.
  std::string program(const std::string& name, const std::string& then) {
    const std::string path =
        write(name,
              "#!/usr/bin/python3\nimport os, signal, socket, time\nchannel = socket.socket(fileno=3)\n"
              "channel.recv(65536)\n" +
                  then);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  // As a line of such a program.
  static std::string say(const inspect::wire::ToAgent& message) { return say(inspect::wire::encode(message)); }
  static std::string say(const std::vector<std::byte>& message) {
    std::string digits;
    for (const std::byte byte : message) {
      for (const unsigned half : {std::to_integer<unsigned>(byte) >> 4, std::to_integer<unsigned>(byte) & 15U})
        digits += "0123456789abcdef"[half];
    }
    return "channel.send(bytes.fromhex('" + digits + "'))\n";
  }
  static inspect::wire::Ready confined() { return {.filter = true, .no_capabilities = true, .no_dump = true}; }
  static tidegate::test::TcpScript two_requests() {
    tidegate::test::TcpScript script;
    script.handshake()
        .client("GET /orders/17?a=hidden HTTP/1.1\r\nHost: www.example.org\r\nCookie: sid=abc\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        .client("POST /login HTTP/1.1\r\nHost: www.example.org\r\nCookie: sid=abc\r\nContent-Length: 0\r\n\r\n")
        .server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        .close();
    return script;
  }
  std::string capture() {
    return write("two.pcap", tidegate::test::to_pcap(tidegate::test::to_frames(two_requests().segments())));
  }

  FakeAgent agent;  // for its directory
  Runner run;
};

}  // namespace tidegate::cli::test
