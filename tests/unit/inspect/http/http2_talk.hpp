// SPDX-License-Identifier: Apache-2.0
// A conversation in HTTP/2, written down side by side.
#pragma once

#include <string>
#include <vector>

#include "tests/unit/inspect/http/http2_peer.hpp"
#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {

// Both sides of a connection and what they say.
struct Talk {
  Http2Peer client;
  Http2Peer server;
  Script script = {says(kClient, kPreface + settings()), says(kServer, settings() + settings_ack()),
                   says(kClient, settings_ack())};

  void ask(std::uint32_t stream, std::string path, std::uint8_t flags = kHeadEnd | kFin) {
    script.push_back(says(kClient, client.headers(stream, request(std::move(path)), flags)));
  }
  void answer(std::uint32_t stream, int status, std::uint8_t flags = kHeadEnd | kFin) {
    script.push_back(says(kServer, server.headers(stream, response(status), flags)));
  }
  void say(Direction direction, std::string bytes) { script.push_back(says(direction, std::move(bytes))); }
};

// "/path status", with what went wrong.
inline std::vector<std::string> paths(const Result& result) {
  std::vector<std::string> all;
  for (const Summary& s : result.summaries) {
    all.push_back(s.path + (s.status ? " " + std::to_string(*s.status) : "") + (s.lossy ? " lossy" : "") +
                  (s.reset ? " reset" : ""));
  }
  return all;
}

}  // namespace tidegate::inspect::test
